"""Damaged sessions (scripts/fuzzing.py) against the core without sockets: no exception, and nothing left behind.

The long runs against a real process are scripts/fuzz; what they gave is in docs/robustness.md.
"""

import random

import pytest

import fuzzing
from amqpbroker.model.queue import Queue
from amqpbroker.protocol.connection import Connection as WireConnection
from amqpbroker.session.connection import Connection, Transport
from amqpbroker.wire.frames import FRAME_HEADER
from amqpbroker.wire.methods import Connection as ConnectionMethods
from amqpbroker.wire.methods import decode
from tests.simulation.world import World

BLOCK = 50
MUTATIONS = 800


def feed(world: World, octets: bytes, draw: random.Random) -> tuple[WireConnection, bytes]:
    """What a connection that sends the octets, cut at random, is answered; then its socket is gone."""
    answers: list[bytes] = []
    wire = WireConnection(world.settings, world.clock.seconds)
    session = wire.handler = Connection(
        world.broker,
        world.batch,
        wire,
        Transport(answers.append, lambda: None, lambda: None, True, lambda reason: None),
        1 << 20,
    )
    while octets:
        size = draw.choice((1, 7, 100, 5_000, len(octets)))
        wire.feed(octets[:size], world.clock.seconds)
        world.batch.finish()
        session.go_on()
        while wire.more:
            wire.feed(b"", world.clock.seconds)
            world.batch.finish()
        octets = octets[size:]
    wire.lost()
    world.batch.finish()
    return wire, b"".join(answers)


def closes(answer: bytes) -> list[int]:
    """The reply codes of the closes among what was answered."""
    codes: list[int] = []
    position = 0
    while position < len(answer):
        kind, _, size = FRAME_HEADER.unpack_from(answer, position)
        payload = answer[position + 7 : position + 7 + size]
        if kind == 1 and payload[:4] in (b"\0\x0a\0\x32", b"\0\x14\0\x28"):
            codes.append(decode(payload).reply_code)  # type: ignore[attr-defined]
        position += size + 8
    return codes


@pytest.mark.parametrize("number", range(len(fuzzing.SESSIONS)))
def test_a_session_as_it_is_ends_as_its_client_wants(number: int) -> None:
    with World("3.13", small=False) as world:
        _, answer = feed(world, fuzzing.SESSIONS[number], random.Random(number))
    assert closes(answer) == []
    assert decode(answer[-12:-1][-4:]).id == ConnectionMethods.CloseOk.id


@pytest.mark.parametrize("profile", ["3.13", "4.2", "4.3"])
@pytest.mark.parametrize("first", range(0, MUTATIONS, BLOCK))
def test_no_damage_gets_further_than_its_connection(first: int, profile: str) -> None:
    draw = random.Random(first)
    with World(profile, small=False) as world:
        for _ in range(BLOCK):
            wire, _ = feed(world, fuzzing.mutate(draw, draw.choice(fuzzing.SESSIONS)), draw)
            assert wire.channels == {}
        kept: list[Queue] = list(world.vhost.queues.values())
        assert [queue.name for queue in kept if queue.consumers or queue.unacked or queue.owner] == []
        assert world.broker.reply_queues == {}
