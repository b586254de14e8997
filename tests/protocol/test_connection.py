"""A connection without a socket: octets in, octets out, in every state, with everything, and cut anywhere."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpbroker.limits import BODY_MAX_BYTES, CLOSE_TIMEOUT_S, HANDSHAKE_TIMEOUT_S, OUTBOX_MAX_BYTES, TURN_MAX_FRAMES
from amqpbroker.profiles import PROFILES
from amqpbroker.protocol.states import ConnectionState
from amqpbroker.session.channel import Channel as SessionChannel
from amqpbroker.wire import properties
from amqpbroker.wire.constants import BODY, HEADER, HEARTBEAT_FRAME, METHOD, PROTOCOL_HEADER
from amqpbroker.wire.frames import FRAME_HEADER
from amqpbroker.wire.methods import METHODS, Basic, Channel, Confirm, Connection, Method, Queue, Tx, encode_frame
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field
from tests.helpers.wire_client import Event, Heartbeat, MemoryServer, Received, WireClient, publish_octets, start_ok

TO_TASKS = Basic.Publish(routing_key="tasks")


def running(**options: Any) -> WireClient:
    """A client with channel 1 open and a queue `tasks`."""
    client = WireClient(**options).connect().open_channel(1)
    assert client.call(1, Queue.Declare(queue="tasks")) == Queue.DeclareOk(queue="tasks")
    return client


def frame(kind: int, channel: int, payload: bytes, end: int = 0xCE) -> bytes:
    return FRAME_HEADER.pack(kind, channel, len(payload)) + payload + bytes((end,))


def bodies(client: WireClient) -> list[bytes]:
    """What waits in `tasks`, in order."""
    queue = client.vhost.queues["tasks"]
    return [message[2] for message in queue.ready]


def close_of(events: list[Event]) -> tuple[int, str, tuple[int, int]]:
    """The one close among the events: code, text, method."""
    (close,) = [event.method for event in events if isinstance(event, Received) and hasattr(event.method, "reply_code")]
    return close.reply_code, close.reply_text, (close.class_id, close.method_id)


# Reading


def test_many_commands_may_come_in_one_read():
    client = running()
    acked = b"".join(publish_octets(1, TO_TASKS, body) for body in (b"one", b"two"))
    client.feed(acked + HEARTBEAT_FRAME + encode_frame(1, Basic.Qos(prefetch_count=1)) + acked)
    assert client.methods() == [Basic.QosOk()]
    assert bodies(client) == [b"one", b"two"] * 2


def test_a_turn_ends_after_so_many_commands_and_the_next_goes_on():
    client = running()
    wire = client.connection
    wire.feed(encode_frame(1, Basic.Qos()) * (TURN_MAX_FRAMES + 1), client.clock.seconds)
    client.server.finish_turn()
    assert (len(client.take()), wire.more) == (TURN_MAX_FRAMES, True)
    wire.feed(b"", client.clock.seconds)
    client.server.finish_turn()
    assert (len(client.take()), wire.more) == (1, False)


def test_a_turn_ends_when_it_has_given_out_much():
    client = running()
    client.publish(1, "", "tasks", bytes(OUTBOX_MAX_BYTES))
    client.connection.feed(encode_frame(1, Basic.Get(queue="tasks")) * 2, client.clock.seconds)
    assert client.connection.more


@pytest.mark.parametrize("cut", [1, 20, 40, 4_000])
def test_a_big_read_goes_on_where_the_last_one_was_cut(cut):
    client = running()
    octets = b"".join(publish_octets(1, TO_TASKS, b"%d" % number * 100) for number in range(3_000))
    client.feed(octets[:cut])
    client.feed(octets[cut:])
    assert bodies(client) == [b"%d" % number * 100 for number in range(3_000)]


def test_a_body_larger_than_a_frame_comes_in_several():
    client = running()
    client.publish(1, "", "tasks", bytes(1_000_000))
    assert bodies(client) == [bytes(1_000_000)]


def test_a_message_for_nobody_is_returned_whole():
    client = running()
    client.publish(1, "", "nowhere", bytes(300_000), mandatory=True, app_id="test")
    (returned,) = client.take()
    assert (returned.method.reply_code, returned.body) == (312, bytes(300_000))
    assert returned.properties.app_id == "test"


def test_channels_do_not_disturb_each_others_contents():
    client = running().open_channel(2)
    first, second = (publish_octets(number, TO_TASKS, b"body %d" % number) for number in (1, 2))
    client.feed(first[:-14] + second[:-14] + first[-14:] + second[-14:])
    assert bodies(client) == [b"body 1", b"body 2"]


def test_acks_are_read_by_the_run():
    client = running()
    for body in (b"a", b"b", b"c"):
        client.publish(1, "", "tasks", body)
    client.send(1, Basic.Consume(queue="tasks"))
    client.send(1, *[Basic.Ack(delivery_tag=tag) for tag in (1, 3, 2)])
    assert client.vhost.queues["tasks"].unacked == 0


@pytest.mark.parametrize("refuse", [Basic.Reject, Basic.Nack])
def test_rejects_are_read_by_the_run(refuse):
    client = running()
    for body in (b"a", b"b", b"c"):
        client.publish(1, "", "tasks", body)
    client.send(1, Basic.Consume(queue="tasks"))
    client.send(1, *[refuse(delivery_tag=tag, requeue=False) for tag in (1, 3, 2)])
    queue = client.vhost.queues["tasks"]
    assert (queue.unacked, queue.message_count) == (0, 0)


@pytest.mark.parametrize(("refuse", "method_id"), [(Basic.Reject, (60, 90)), (Basic.Nack, (60, 120))])
def test_those_before_an_unknown_delivery_tag_are_rejected(refuse, method_id):
    client = running()
    for body in (b"a", b"b"):
        client.publish(1, "", "tasks", body)
    client.send(1, Basic.Consume(queue="tasks"))
    client.take()
    client.send(1, *[refuse(delivery_tag=tag, requeue=False) for tag in (1, 7, 2)])
    assert close_of(client.take()) == (406, "PRECONDITION_FAILED - unknown delivery tag 7", method_id)
    assert [message[2] for _, message, _ in client.vhost.queues["tasks"].messages()] == [b"b"]


def test_a_turn_takes_no_more_rejects_than_frames():
    client = running()
    for _ in range(TURN_MAX_FRAMES + 1):
        client.publish(1, "", "tasks", b"a")
    client.send(1, Basic.Consume(queue="tasks"))
    octets = [encode_frame(1, Basic.Reject(delivery_tag=tag, requeue=False)) for tag in range(1, TURN_MAX_FRAMES + 2)]
    client.connection.feed(b"".join(octets), client.clock.seconds)
    assert (client.connection.more, client.vhost.queues["tasks"].unacked) == (True, 1)


def test_an_unknown_delivery_tag_closes_the_channel_alone():
    client = running().open_channel(2)
    client.send(1, Basic.Ack(delivery_tag=7))
    assert close_of(client.take()) == (406, "PRECONDITION_FAILED - unknown delivery tag 7", (60, 80))
    assert client.call(2, Basic.Qos()) == Basic.QosOk()


# Channels


def test_a_number_can_be_opened_again_after_its_close():
    client = running()
    assert client.call(1, Channel.Close()) == Channel.CloseOk()
    assert client.call(1, Channel.Open()) == Channel.OpenOk()


def test_a_second_open_is_504():
    client = running()
    client.send(1, Channel.Open())
    assert close_of(client.take()) == (504, "CHANNEL_ERROR - second 'channel.open' seen", (20, 10))


def test_a_method_on_a_channel_that_is_not_open_is_504():
    client = running()
    client.send(2, Basic.Qos())
    assert close_of(client.take()) == (504, "CHANNEL_ERROR - expected 'channel.open'", (60, 10))


def test_more_channels_than_negotiated_are_530():
    client = WireClient().connect(channel_max=2).open_channel(1, 7)
    client.send(3, Channel.Open())
    text = "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)"
    assert close_of(client.take()) == (530, text, (0, 0))


def closing() -> WireClient:
    """A client whose channel 1 was closed by the broker, which awaits close-ok."""
    client = running()
    client.send(1, Queue.Delete(queue="tasks"), Queue.Bind(queue="none", exchange="none"))
    assert close_of(client.take())[0] == 404
    return client


def test_a_closing_channel_takes_nothing():
    client = closing()
    client.send(1, Queue.Declare(queue="other"))
    client.publish(1, "", "tasks", b"hello")
    assert client.take() == []
    assert "other" not in client.vhost.queues


def test_close_ok_frees_the_number_of_a_closing_channel():
    client = closing()
    client.send(1, Channel.CloseOk())
    assert client.call(1, Channel.Open()) == Channel.OpenOk()


def test_two_closes_may_cross():
    client = closing()
    assert client.call(1, Channel.Close()) == Channel.CloseOk()
    client.send(1, Channel.CloseOk())
    assert client.call(1, Channel.Open()) == Channel.OpenOk()


def test_the_last_declared_queue_is_asked_for_even_on_a_closing_channel():
    client = WireClient().connect().open_channel(1)
    for _ in range(2):
        client.send(1, Queue.Purge())
        assert close_of(client.take()) == (404, "NOT_FOUND - no previously declared queue", (50, 30))


def test_the_last_declared_queue_is_asked_for_even_before_open():
    client = WireClient().connect()
    client.send(1, Basic.Get())
    assert close_of(client.take()) == (404, "NOT_FOUND - no previously declared queue", (60, 70))
    assert client.call(1, Channel.Open()) == Channel.OpenOk()


def test_what_a_channel_held_goes_back_once():
    publisher = running()
    publisher.publish(1, "", "tasks", b"hello")
    client = WireClient(publisher.server).connect().open_channel(1)
    client.send(1, Tx.Select(), Basic.Get(queue="tasks"), Basic.Ack(delivery_tag=1))
    client.send(1, Basic.Ack(delivery_tag=9), Queue.Purge(), Queue.Purge())
    queue = client.vhost.queues["tasks"]
    assert (queue.message_count, queue.unacked) == (1, 0)


def test_what_a_server_sends_is_refused_from_a_client():
    client = running()
    client.send(1, Queue.DeclareOk(queue="tasks"))
    assert close_of(client.take()) == (503, "COMMAND_INVALID - unimplemented method", (50, 11))


@pytest.mark.parametrize("method", [Basic.Deliver(), Basic.Return(), Basic.GetOk()])
def test_contents_that_a_server_sends_are_refused_when_they_are_whole(method):
    client = running()
    octets = publish_octets(1, method, b"hello")
    client.feed(octets[:-1])
    assert client.take() == []
    client.feed(octets[-1:])
    assert close_of(client.take()) == (503, "COMMAND_INVALID - unimplemented method", method.id)


def test_methods_of_connection_are_not_for_channels():
    client = running()
    client.send(1, Connection.Close())
    assert close_of(client.take())[0] == 503


@pytest.mark.parametrize("number", [1, 2], ids=["closing", "not open"])
def test_a_content_that_goes_nowhere_is_not_kept(number):
    client = closing()
    octets = publish_octets(number, TO_TASKS, bytes(100_000))
    client.feed(octets[:-1])
    assert client.connection.channels[number].assembler.discarding


def test_the_rest_of_a_message_that_is_too_large_is_read_over():
    client = running(message_size_max_bytes=10)
    client.publish(1, "", "tasks", b"eleven more")
    text = "PRECONDITION_FAILED - message size 11 is larger than configured max size 10"
    assert close_of(client.take()) == (406, text, (60, 40))
    client.send(1, Channel.CloseOk(), Channel.Open())
    client.publish(1, "", "tasks", b"ten octets")
    assert client.methods() == [Channel.OpenOk()]
    assert bodies(client) == [b"ten octets"]


def test_before_4_0_the_size_of_a_body_has_another_limit():
    client = running(profile=PROFILES["3.13"])
    head = properties.encode(Properties(), BODY_MAX_BYTES + 1)
    client.feed(encode_frame(1, TO_TASKS) + frame(HEADER, 1, head))
    assert close_of(client.take())[0] == 406


# Frames that are none


def test_a_wrong_end_octet_is_501_and_nothing_is_read_any_more():
    client = running()
    client.feed(frame(METHOD, 1, b"\0\x3c\0\x0a" + bytes(7), end=0xCD) + encode_frame(0, Connection.CloseOk()))
    code, text, _ = close_of(client.take())
    assert (code, text[:57]) == (501, "FRAME_ERROR - type 1, all octets = <<0,60,0,10,0,0,0,0,0,")
    assert "invalid_frame_end_marker" in text
    client.send(1, Queue.Declare(queue="late"))
    assert "late" not in client.vhost.queues
    assert_dropped_after(client, 3.0)


def test_a_frame_over_frame_max_is_501_before_it_is_all_there():
    client = WireClient().connect(frame_max_bytes=8_192)
    client.feed(FRAME_HEADER.pack(METHOD, 0, 8_193))
    code, text, _ = close_of(client.take())
    assert code == 501
    assert "frame_too_large" in text


def test_a_frame_may_be_over_frame_max_by_its_own_envelope():
    client = WireClient().connect(frame_max_bytes=8_192).open_channel(1)
    client.feed(frame(HEADER, 1, bytes(8_192)))
    assert close_of(client.take())[0] == 505


@pytest.mark.parametrize(
    ("octets", "code", "text"),
    [
        (frame(METHOD, 0, b"\0"), 501, "FRAME_ERROR - type 1, all octets = <<0>>: unknown_frame"),
        (frame(METHOD, 1, b"\0"), 501, "FRAME_ERROR - type 1, all octets = <<0>>: unknown_frame"),
        (frame(HEADER, 0, b"\0"), 501, "FRAME_ERROR - type 2, all octets = <<0>>: unknown_frame"),
        (frame(HEADER, 1, b"\0"), 501, "FRAME_ERROR - type 2, all octets = <<0>>: unknown_frame"),
        (frame(9, 0, b"\0"), 501, "FRAME_ERROR - type 9, all octets = <<0>>: unknown_frame"),
        (frame(9, 1, b"\0"), 501, "FRAME_ERROR - type 9, all octets = <<0>>: unknown_frame"),
        (frame(8, 0, b"\0"), 501, "FRAME_ERROR - type 8, all octets = <<0>>: unknown_frame"),
        (frame(8, 1, b""), 505, "UNEXPECTED_FRAME - type 8, all octets = <<>>"),
        (frame(HEADER, 0, bytes(12)), 505, "UNEXPECTED_FRAME - type 2, all octets = <<0,0,0,0,0,0,0,0,0,0,0,0>>"),
        (frame(BODY, 0, b""), 505, "UNEXPECTED_FRAME - type 3, all octets = <<>>"),
        (frame(BODY, 1, b""), 505, "UNEXPECTED_FRAME - expected method frame, got non method frame instead"),
    ],
)
def test_a_frame_that_has_no_place_closes_the_connection(octets, code, text):
    client = running()
    client.feed(octets)
    assert close_of(client.take()) == (code, text, (0, 0))


@pytest.mark.parametrize("channel", [0, 1])
def test_a_method_that_nobody_knows_ends_the_connection_in_silence(channel):
    client = running()
    client.feed(frame(METHOD, channel, b"\0\x63\0\x63"))
    assert client.take() == []
    assert client.dropped


def test_arguments_that_cannot_be_cut_are_501():
    client = running()
    client.feed(frame(METHOD, 1, b"\0\x3c\0\x0a\0"))
    assert close_of(client.take()) == (501, "FRAME_ERROR - cannot decode <<0>>", (60, 10))


def test_arguments_that_cannot_be_cut_are_541_on_channel_0():
    client = running()
    client.feed(frame(METHOD, 0, b"\0\x0a\0\x32\0"))
    assert close_of(client.take()) == (541, "INTERNAL_ERROR", (0, 0))


def test_arguments_that_cannot_be_cut_before_login_are_answered_by_silence():
    client = WireClient()
    client.feed(PROTOCOL_HEADER)
    client.take()
    client.feed(frame(METHOD, 0, b"\0\x0a\0\x0b\0"))
    assert client.take() == []
    assert_dropped_after(client, 3.0)


@pytest.mark.parametrize(("channel", "method_id"), [(0, (10, 50)), (1, (0, 0))])
def test_text_that_is_no_utf_8_is_501(channel, method_id):
    client = running()
    on_connection = b"\0\x0a\0\x32\0\0\x01\xff" + bytes(4)
    on_channel = b"\0\x32\0\x0a\0\0\x01\xff" + bytes(5)
    client.feed(frame(METHOD, channel, on_channel if channel else on_connection))
    assert close_of(client.take()) == (501, "FRAME_ERROR - Malformed UTF-8 in shortstr", method_id)


def test_a_table_that_is_none_ends_the_connection_in_silence():
    client = running()
    client.feed(frame(METHOD, 1, b"\0\x32\0\x0a\0\0\x01q\0\0\0\0\x03\x01x?"))
    assert client.take() == []
    assert client.dropped


# Ends


def test_a_close_of_ours_is_320_and_waits_for_the_answer():
    client = running()
    client.connection.force_close("broker is going down", client.clock.seconds)
    client.server.finish_turn()
    assert close_of(client.take()) == (320, "CONNECTION_FORCED - broker is going down", (0, 0))
    assert_dropped_after(client, CLOSE_TIMEOUT_S)


def test_a_second_close_of_ours_changes_nothing():
    client = running()
    for _ in range(2):
        client.connection.force_close("broker is going down", client.clock.seconds)
        client.server.finish_turn()
    assert close_of(client.take())[0] == 320


def test_a_client_that_has_not_logged_in_is_dropped_without_a_word():
    client = WireClient()
    client.feed(PROTOCOL_HEADER)
    client.take()
    client.connection.force_close("broker is going down", client.clock.seconds)
    assert client.take() == []
    assert client.dropped


def test_a_closed_connection_reads_over_everything_but_close():
    client = running()
    client.send(0, Connection.Close())
    client.take()
    client.feed(HEARTBEAT_FRAME + frame(9, 0, b"") + frame(BODY, 0, b"x") + frame(METHOD, 3, bytes(4)))
    client.send(0, Connection.Open(virtual_host="/"))
    assert client.take() == []
    assert client.connection.machine.state is ConnectionState.CLOSED


@pytest.mark.parametrize("end", ["close", "vanish"])
def test_what_a_connection_held_goes_back_when_it_ends(end):
    publisher = running()
    publisher.publish(1, "", "tasks", b"hello")
    client = WireClient(publisher.server).connect().open_channel(1, 2)
    client.send(2, Queue.Declare(queue="mine", exclusive=True), Basic.Get(queue="tasks"))
    client.send(0, Connection.Close()) if end == "close" else client.vanish()
    assert client.vhost.queues["tasks"].message_count == 1
    assert "mine" not in client.vhost.queues
    client.vanish()
    assert len(client.broker.connections) == 1


def test_a_channel_that_cannot_be_closed_keeps_no_other_from_it(monkeypatch):
    client = running().open_channel(2)
    other = WireClient(client.server).connect().open_channel(1)
    for number in (1, 2):
        other.publish(1, "", "tasks", b"hello")
        client.send(number, Basic.Get(queue="tasks"))
    closed = SessionChannel.closed

    def fails_on_the_first(channel: SessionChannel) -> None:
        if channel.number == 1:
            raise RuntimeError("injected")
        closed(channel)

    monkeypatch.setattr(SessionChannel, "closed", fails_on_the_first)
    with pytest.raises(RuntimeError):
        client.send(0, Connection.Close())
    client.vanish()
    assert client.vhost.queues["tasks"].message_count == 1
    assert len(client.broker.connections) == 1


def test_after_a_fault_of_ours_the_next_read_is_understood(monkeypatch):
    client = running()

    def fails(*_: object) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr(SessionChannel, "method", fails)
    with pytest.raises(RuntimeError):
        client.send(1, Basic.Qos())
    client.connection.close(541, "", client.clock.seconds)
    client.server.finish_turn()
    assert close_of(client.take()) == (541, "INTERNAL_ERROR", (0, 0))
    client.send(0, Connection.CloseOk())
    assert client.dropped


# Times


def assert_dropped_after(client: WireClient, seconds: float) -> None:
    client.advance(seconds - 0.1)
    assert not client.dropped
    client.advance(0.2)
    assert client.dropped


def test_a_handshake_has_to_end_in_time():
    client = WireClient()
    client.feed(PROTOCOL_HEADER)
    client.send(0, start_ok())
    assert_dropped_after(client, HANDSHAKE_TIMEOUT_S)
    assert client.faults == ["handshake timeout"]


def test_once_open_there_is_no_time_limit():
    client = WireClient().connect()
    assert client.connection.due_s is None
    client.advance(1_000_000)
    assert not client.dropped


def test_heartbeats_go_out_when_nothing_else_does():
    client = WireClient().connect(heartbeat_s=10)
    client.advance(4.9)
    assert client.take() == []
    client.advance(5.2)
    assert client.take() == [Heartbeat()]


def test_a_client_that_says_nothing_is_dropped():
    client = WireClient().connect(heartbeat_s=10)
    assert_dropped_after(client, 30.0)
    assert client.faults == ["missed heartbeats from client, timeout: 10s"]


def test_a_client_that_sends_heartbeats_stays():
    client = WireClient().connect(heartbeat_s=10)
    for _ in range(100):
        client.advance(9.0)
        client.feed(HEARTBEAT_FRAME)
    assert not client.dropped


def test_a_client_that_stops_in_the_middle_of_a_frame_is_there_as_long_as_octets_come():
    client = running(heartbeat_s=10)
    octets = publish_octets(1, TO_TASKS, b"slow")
    for octet in octets:
        client.advance(9.0)
        client.feed(bytes((octet,)))
    assert bodies(client) == [b"slow"]


def test_a_client_that_is_not_read_is_not_silent():
    client = WireClient().connect(heartbeat_s=10).open_channel(1)
    client.broker.raise_alarm("memory")
    client.publish(1, "", "nowhere")
    client.advance(100.0)
    assert not client.dropped
    client.broker.clear_alarm("memory")
    assert_dropped_after(client, 20.0)


def test_heartbeats_begin_with_tune_ok():
    client = WireClient()
    client.feed(PROTOCOL_HEADER)
    client.send(0, start_ok())
    client.send(0, Connection.TuneOk(channel_max=1, frame_max=8_192, heartbeat=1))
    client.take()
    client.advance(1.1)
    assert Heartbeat() in client.take()


def test_a_closed_connection_is_not_dropped_for_its_silence():
    client = WireClient().connect(heartbeat_s=1)
    client.connection.force_close("broker is going down", client.clock.seconds)
    assert_dropped_after(client, CLOSE_TIMEOUT_S)
    assert client.faults == []


def test_a_distrusted_connection_has_no_heartbeats():
    client = WireClient().connect(heartbeat_s=1)
    client.feed(frame(METHOD, 0, b"", end=0))
    client.take()
    client.advance(2.9)
    assert client.take() == []


def test_looking_always_moves_the_time_of_the_next_look():
    client = WireClient().connect(heartbeat_s=1)
    client.send(0, Connection.Close())
    for _ in range(10):
        due_s = client.connection.due_s
        client.connection.look(due_s)
        assert client.connection.due_s > due_s


# Every state and every method

STATES: dict[str, Callable[[], WireClient]] = {}


def state(reach: Callable[[], WireClient]) -> Callable[[], WireClient]:
    STATES[reach.__name__.replace("_", " ")] = reach
    return reach


@state
def header_awaited() -> WireClient:
    return WireClient()


@state
def start_ok_awaited() -> WireClient:
    client = header_awaited()
    client.feed(PROTOCOL_HEADER)
    return client


@state
def tune_ok_awaited() -> WireClient:
    client = start_ok_awaited()
    client.send(0, start_ok())
    return client


@state
def open_awaited() -> WireClient:
    client = tune_ok_awaited()
    client.send(0, Connection.TuneOk(channel_max=2_047, frame_max=131_072, heartbeat=60))
    return client


@state
def no_channel_open() -> WireClient:
    return WireClient().connect()


@state
def channel_open() -> WireClient:
    client = running()
    client.publish(1, "", "tasks", b"hello")
    client.publish(1, "", "tasks", b"hello")
    client.send(1, Basic.Get(queue="tasks"))
    return client


@state
def channel_in_a_transaction() -> WireClient:
    client = channel_open()
    client.send(1, Tx.Select(), Basic.Ack(delivery_tag=1))
    return client


@state
def channel_with_confirms() -> WireClient:
    client = channel_open()
    client.send(1, Confirm.Select())
    return client


@state
def channel_closing() -> WireClient:
    return closing()


@state
def content_header_awaited() -> WireClient:
    client = running()
    client.send(1, TO_TASKS)
    return client


@state
def content_body_awaited() -> WireClient:
    client = running()
    client.feed(publish_octets(1, TO_TASKS, bytes(5_000))[:-5_000])
    return client


@state
def closed_by_the_client() -> WireClient:
    client = channel_open()
    client.send(0, Connection.Close())
    return client


@state
def closed_by_the_broker() -> WireClient:
    client = channel_open()
    client.send(1, Channel.Open())
    return client


@state
def distrusted() -> WireClient:
    client = channel_open()
    client.feed(frame(METHOD, 0, b"", end=0))
    return client


ARGUMENTS = {
    "bit": st.booleans(),
    "octet": st.integers(0, 255),
    "short": st.integers(0, 65_535),
    "long": st.integers(0, 2**32 - 1),
    "longlong": st.integers(0, 3) | st.integers(0, 2**64 - 1),
    "shortstr": st.sampled_from(["", "tasks", "amq.direct", "direct", "/", "PLAIN"]) | st.text(max_size=20),
    "longstr": st.binary(max_size=20),
    "table": st.dictionaries(st.text(max_size=8), st.just(Field("t", True)) | st.just(Field("I", -1)), max_size=2),
}
ANY_METHOD = st.sampled_from(list(METHODS.values())).flatmap(
    lambda made: st.builds(made, **{name: ARGUMENTS[kind] for name, kind in made.fields})
)


def assert_sound(client: WireClient) -> None:
    """Whatever came, the broker is in a state of its own and has said no more than one may."""
    wire = client.connection
    closes = [event for event in client.received if isinstance(event, Received) and event.method.id == (10, 50)]
    assert len(closes) <= 1
    if wire.machine.state is not ConnectionState.RUNNING:
        assert wire.drop_at_s is not None
        assert wire.channels == {}
    for queue in client.vhost.queues.values():
        assert queue.unacked >= 0
    before = list(client.vhost.queues.values())
    client.vanish()
    assert all(queue.unacked == 0 and not queue.consumers for queue in before)
    assert len(client.broker.connections) == 0


@pytest.mark.parametrize("reach", STATES.values(), ids=STATES)
@pytest.mark.parametrize("channel", [0, 1, 2])
def test_every_method_has_an_answer_in_every_state(reach, channel):
    for made in METHODS.values():
        client = reach()
        client.take()
        client.send(channel, made())
        assert_sound(client)


@given(st.sampled_from(list(STATES)), st.lists(st.tuples(st.integers(0, 2), ANY_METHOD), min_size=1, max_size=5))
@settings(deadline=None, max_examples=150)
def test_any_methods_have_answers_in_every_state(name, sent):
    client = STATES[name]()
    client.take()
    for channel, method in sent:
        client.send(channel, method)
    assert_sound(client)


@given(st.sampled_from(list(STATES)), st.binary(min_size=1, max_size=200))
@settings(deadline=None, max_examples=150)
def test_any_octets_have_answers_in_every_state(name, octets):
    client = STATES[name]()
    client.take()
    client.feed(octets)
    assert_sound(client)


@given(st.sampled_from(list(STATES)), st.integers(1, 8), st.integers(0, 2), ANY_METHOD, st.data())
@settings(deadline=None, max_examples=150)
def test_methods_with_a_wrong_octet_have_answers_in_every_state(name, kind, channel, method, data):
    octets = bytearray(encode_frame(channel, method))
    octets[0] = kind
    octets[data.draw(st.integers(7, len(octets) - 1))] = data.draw(st.integers(0, 255))
    client = STATES[name]()
    client.take()
    client.feed(bytes(octets))
    assert_sound(client)


# The same octets, cut otherwise


def script(seed: int) -> bytes:
    """What a client may send after its handshake: all sorts of things on two channels, and a fault or an end."""
    drawn = random.Random(seed)
    octets = b"".join(encode_frame(channel, Channel.Open()) for channel in (1, 2))
    octets += encode_frame(1, Queue.Declare(queue="tasks")) + encode_frame(1, Queue.Declare(queue="more"))
    octets += encode_frame(drawn.choice((1, 2)), Confirm.Select())
    tag = 1
    for _ in range(drawn.randrange(40)):
        channel = drawn.choice((1, 2))
        body = drawn.randbytes(drawn.choice((0, 1, 7, 7, 7, 40, 9_000)))
        values = drawn.choice(({}, {}, {"delivery_mode": 2}, {"expiration": "60000"}, {"correlation_id": str(tag)}))
        publish = Basic.Publish(
            routing_key=drawn.choice(("tasks", "tasks", "more", "none")), mandatory=drawn.random() < 0.2
        )
        step = drawn.randrange(9)
        if step < 4:
            for _ in range(drawn.choice((1, 1, 3, 20))):
                octets += publish_octets(channel, publish, body, 8_192, **values)
        elif step == 4:
            octets += HEARTBEAT_FRAME
        elif step == 5:
            octets += encode_frame(channel, Basic.Get(queue=drawn.choice(("tasks", "more"))))
        elif step == 6:
            method: Method = drawn.choice((Basic.Ack, Basic.Nack, Basic.Reject))(delivery_tag=tag)
            tag += 1
            octets += encode_frame(1, method)
        elif step == 7:
            octets += encode_frame(channel, Basic.Consume(queue="tasks", no_ack=drawn.random() < 0.5))
        else:
            octets += encode_frame(channel, Basic.Qos(prefetch_count=drawn.randrange(3)))
    return octets + drawn.choice(
        (
            b"",
            encode_frame(0, Connection.Close()),
            encode_frame(1, Channel.Close()) + encode_frame(1, Channel.Open()),
            encode_frame(1, Channel.Open()) + encode_frame(0, Connection.CloseOk()),
            frame(METHOD, 1, b"\0\x3c\0\x0a" + bytes(7), end=0) + encode_frame(0, Connection.Close()),
            frame(9, 1, b"what"),
            publish_octets(1, TO_TASKS, b"cut short")[:-4],
        )
    )


def outcome(octets: bytes, cuts: list[int]) -> tuple[object, ...]:
    """All that came of octets that were read in pieces: answers, faults, and what the broker holds before and after.

    How many confirms an ack stands for, and what stands between two of them, depends on the reads; that all are
    confirmed does not.
    """
    client = WireClient(MemoryServer()).connect(frame_max_bytes=8_192)
    for start, end in zip([0, *cuts], [*cuts, len(octets)], strict=True):
        if start < end:
            client.feed(octets[start:end])
    answers = []
    confirmed = {1: 0, 2: 0}
    for event in client.take():
        if isinstance(event, Received) and isinstance(event.method, Basic.Ack):
            confirmed[event.channel] = event.method.delivery_tag
        else:
            answers.append(event)
    held = holdings(client)
    client.vanish()
    return answers, confirmed, [str(fault) for fault in client.faults], held, holdings(client)


def holdings(client: WireClient) -> list[object]:
    queues = client.vhost.queues.values()
    return [
        (queue.name, list(queue.ready), sorted(queue.requeued), queue.unacked, len(queue.consumers)) for queue in queues
    ]


@pytest.mark.parametrize("seed", range(40))
def test_octets_one_by_one_have_the_same_outcome(seed):
    octets = script(seed)[:40_000]
    assert outcome(octets, list(range(1, len(octets)))) == outcome(octets, [])


@given(st.integers(0, 100_000), st.data())
@settings(deadline=None, max_examples=60)
def test_octets_cut_anywhere_have_the_same_outcome(seed, data):
    octets = script(seed)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(octets)), max_size=12)))
    assert outcome(octets, cuts) == outcome(octets, [])
