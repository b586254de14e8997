"""The states of connections and channels: one order for the handshake, and no way back from an end."""

import pytest

from amqpbroker.protocol.states import (
    CHANNEL_TRANSITIONS,
    CONNECTION_TRANSITIONS,
    ChannelEvent,
    ChannelMachine,
    ChannelState,
    ConnectionEvent,
    ConnectionMachine,
    ConnectionState,
)

HANDSHAKE = [
    (ConnectionEvent.HEADER_RECEIVED, ConnectionState.STARTING),
    (ConnectionEvent.START_OK_RECEIVED, ConnectionState.SECURING),
    (ConnectionEvent.AUTHENTICATED, ConnectionState.TUNING),
    (ConnectionEvent.TUNE_OK_RECEIVED, ConnectionState.OPENING),
    (ConnectionEvent.OPENED, ConnectionState.RUNNING),
]


def running() -> ConnectionMachine:
    machine = ConnectionMachine()
    for event, _ in HANDSHAKE:
        machine.on(event)
    return machine


def test_the_handshake_has_one_order():
    machine = ConnectionMachine()
    for event, state in HANDSHAKE:
        machine.on(event)
        assert machine.state is state


@pytest.mark.parametrize("skipped", range(1, len(HANDSHAKE)))
def test_no_step_of_the_handshake_can_be_skipped(skipped):
    machine = ConnectionMachine()
    with pytest.raises(KeyError):
        machine.on(HANDSHAKE[skipped][0])
    assert machine.state is ConnectionState.HEADER


@pytest.mark.parametrize("asks", [ConnectionEvent.CLOSE_SENT, ConnectionEvent.CLOSE_RECEIVED])
def test_either_side_may_close_a_running_connection(asks):
    machine = running()
    machine.on(asks)
    assert machine.state is ConnectionState.CLOSED


@pytest.mark.parametrize("state", ConnectionState)
def test_a_peer_may_be_distrusted_in_every_state(state):
    assert CONNECTION_TRANSITIONS[state][ConnectionEvent.DISTRUSTED] is ConnectionState.DROPPED


def test_nothing_leads_out_of_dropped():
    assert set(CONNECTION_TRANSITIONS[ConnectionState.DROPPED].values()) == {ConnectionState.DROPPED}


@pytest.mark.parametrize("state", [state for state in ConnectionState if state != ConnectionState.HEADER])
def test_every_connection_state_is_reached_by_some_event(state):
    assert any(state in moves.values() for moves in CONNECTION_TRANSITIONS.values())


def test_a_channel_is_opened_and_then_closed_by_the_server():
    machine = ChannelMachine()
    machine.on(ChannelEvent.OPENED)
    assert machine.state is ChannelState.OPEN
    machine.on(ChannelEvent.CLOSE_SENT)
    assert machine.state is ChannelState.CLOSING


def test_a_channel_that_was_never_opened_cannot_be_closed():
    with pytest.raises(KeyError):
        ChannelMachine().on(ChannelEvent.CLOSE_SENT)


def test_nothing_but_its_removal_leads_out_of_a_closing_channel():
    assert CHANNEL_TRANSITIONS[ChannelState.CLOSING] == {}
