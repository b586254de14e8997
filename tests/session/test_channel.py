"""A channel: its deliveries, its end, and what it leaves."""

from collections.abc import Sequence

import pytest
from pamqp import commands
from pamqp.body import ContentBody
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from amqpbroker.errors import NOT_FOUND
from amqpbroker.model.broker import DISK
from amqpbroker.model.consumer import Consumer
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.message import Message
from amqpbroker.model.ports import Sink, Tap
from amqpbroker.model.queue import Entry
from amqpbroker.model.queue import Queue as QueueModel
from amqpbroker.wire.methods import Basic, Channel, Confirm, Connection, Queue
from amqpbroker.wire.tables import Field, from_python
from tests.helpers.durable import durable_client, publish, server_of, there
from tests.helpers.durable import publishes as publishes_in
from tests.helpers.sessions import bodies, consume, deliveries, opened, publish_numbers, waiting, with_queue
from tests.helpers.wire_client import Received, WireClient, publish_octets


def test_a_delivery_and_what_is_got_are_laid_as_pamqp_lays_them() -> None:
    client = with_queue()
    client.publish(1, "", "tasks", b"one", message_id="7")
    client.publish(1, "", "tasks", b"two", message_id="7")
    consume(client, "ctag")
    client.send(1, Basic.Cancel(consumer_tag="ctag", nowait=True), Basic.Reject(delivery_tag=2, requeue=True))
    before = len(client.octets)
    client.send(1, Basic.Get(queue="tasks"))
    frames = [
        commands.Basic.GetOk(3, True, "", "tasks", 0),
        ContentHeader(0, 3, commands.Basic.Properties(message_id="7")),
        ContentBody(b"two"),
    ]
    assert client.octets[before:] == b"".join(marshal(frame, 1) for frame in frames)
    assert marshal(commands.Basic.Deliver("ctag", 2, False, "", "tasks"), 1) in client.octets


def test_consumers_of_one_channel_take_turns_through_one_range_of_tags() -> None:
    client = with_queue()
    for tag in "abc":
        consume(client, tag)
    publish_numbers(client, 7)
    received = deliveries(client)
    assert "".join(tag for tag, _, _, _ in received) == "abcabca"
    assert [tag for _, tag, _, _ in received] == list(range(1, 8))


def test_prefetch_two_for_two_consumers_is_four_messages_in_turns() -> None:
    client = with_queue()
    client.send(1, Basic.Qos(prefetch_count=2))
    for tag in "ab":
        consume(client, tag)
    publish_numbers(client, 6)
    assert "".join(tag for tag, _, _, _ in deliveries(client)) == "abab"
    assert waiting(client) == [(b"5", False), (b"6", False)]


def test_consumers_of_higher_priority_are_filled_first() -> None:
    client = with_queue()
    client.send(1, Basic.Qos(prefetch_count=2))
    for tag, priority in (("low", -1), ("default", 0), ("high", 5), ("top", 5)):
        consume(client, tag, arguments={"x-priority": Field("I", priority)})
    publish_numbers(client, 8)
    received = [tag for tag, _, _, _ in deliveries(client)]
    assert received == ["high", "top", "high", "top", "default", "default", "low", "low"]


@pytest.mark.parametrize("end", ["close", "fault", "connection closed", "connection lost"])
def test_whatever_a_client_held_goes_back_in_order_and_to_others(end: str) -> None:
    client = with_queue(count=6)
    client.open_channel(2)
    client.send(2, Basic.Qos(prefetch_count=2))
    consume(client, "a", channel=2)
    consume(client, "b", channel=2)
    client.send(2, Basic.Get(queue="tasks"), Basic.Ack(delivery_tag=2))
    match end:
        case "close":
            client.send(2, Channel.Close())
        case "fault":
            client.send(2, Basic.Ack(delivery_tag=99))
        case "connection closed":
            client.connection.close(320, "", client.clock.seconds)
        case "connection lost":
            client.vanish()
    other = opened(client.server)
    consume(other, "other")
    received = [(body, redelivered) for _, _, body, redelivered in deliveries(other)]
    assert [body for body, _ in received] == [b"1", b"3", b"4", b"5", b"6"]
    assert all(redelivered for _, redelivered in received)


def test_the_other_channels_of_a_connection_go_on_when_one_closes() -> None:
    client = with_queue(count=2)
    client.open_channel(2)
    consume(client, "first")
    consume(client, "second", channel=2)
    client.take()
    client.send(1, Basic.Ack(delivery_tag=99))
    assert [(tag, body) for tag, _, body, _ in deliveries(client)] == [("second", b"1"), ("second", b"2")]


def test_a_channel_opened_again_remembers_nothing() -> None:
    client = with_queue(count=2)
    client.send(1, Basic.Qos(prefetch_count=1))
    consume(client, "ctag")
    client.send(1, Channel.Close())
    client.take()
    client.open_channel(1)
    consume(client, "ctag", name="tasks")
    assert [(tag, body) for _, tag, body, _ in deliveries(client)] == [(1, b"1"), (2, b"2")]


def test_a_fan_out_gives_every_queues_consumer_every_message() -> None:
    client = opened()
    for name in "abc":
        client.send(1, Queue.Declare(queue=name, nowait=True), Queue.Bind(queue=name, exchange="amq.fanout"))
        consume(client, name, name=name)
    client.take()
    for number in range(3):
        client.publish(1, "amq.fanout", "", str(number).encode())
    received = deliveries(client)
    for name in "abc":
        assert [body for tag, _, body, _ in received if tag == name] == [b"0", b"1", b"2"]


class Watching(Tap):
    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes]] = []
        self.positions: list[int] = []

    def _see(self, what: str, messages: Sequence[Message]) -> None:
        self.seen += [(what, body) for _, _, body, _ in messages]

    def published(
        self, sink: Sink, exchange: Exchange, queues: Sequence[QueueModel], messages: Sequence[Message]
    ) -> None:
        assert [queue.name for queue in queues] == ["tasks"]
        self._see(f"published to {exchange.name!r}", messages)

    def delivered(
        self, consumer: Consumer, positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        self.positions += positions
        self._see("delivered again" if redelivered else "delivered", messages)

    def settled(self, consumer: Consumer, entries: Sequence[Entry], how: str) -> None:
        assert consumer.queue.name == "tasks"
        self._see(how, [message for _, message, _ in entries])


def test_a_tap_sees_all_that_comes_and_goes() -> None:
    client = with_queue()
    tap = Watching()
    client.vhost.tap = tap
    publish_numbers(client, 1)
    client.send(1, Basic.Get(queue="tasks", no_ack=False), Basic.Reject(delivery_tag=1, requeue=True))
    consume(client, "ctag")
    client.send(1, Basic.Ack(delivery_tag=2))
    publish_numbers(client, 1, 2)
    assert tap.seen == [
        ("published to ''", b"1"),
        ("delivered", b"1"),
        ("requeue", b"1"),
        ("delivered again", b"1"),
        ("ack", b"1"),
        ("published to ''", b"2"),
        ("delivered", b"2"),
    ]
    assert tap.positions == [1, 1, 2]


def test_what_nobody_acknowledges_counts_as_delivered_at_once() -> None:
    client = with_queue(count=3)
    consume(client, "ctag", no_ack=True)
    assert bodies(client) == "1 2 3"
    assert client.vhost.queues["tasks"].unacked == 0
    client.vanish()
    assert waiting(client) == []


# Answers that wait for the disk


def declare(name: str, *, durable: bool = True) -> Queue.Declare:
    return Queue.Declare(queue=name, durable=durable)


def declared(name: str) -> Queue.DeclareOk:
    return Queue.DeclareOk(queue=name)


def test_later_answers_of_the_channel_wait_behind_one_that_waits() -> None:
    client = durable_client()
    client.send(1, declare("one"), Basic.Qos(), declare("two", durable=False), Basic.Get(queue="two"))
    assert client.take() == []
    server_of(client).commit()
    assert client.methods() == [declared("one"), Basic.QosOk(), declared("two"), Basic.GetEmpty()]


def test_answers_of_other_channels_and_other_connections_do_not_wait() -> None:
    client = durable_client()
    client.open_channel(2)
    other = opened(client.server)
    client.send(1, declare("one"))
    client.send(2, declare("two", durable=False))
    assert client.methods() == [declared("two")]
    assert other.call(1, declare("three", durable=False)) == declared("three")


def test_what_is_not_written_is_answered_at_once_while_a_commit_is_under_way() -> None:
    client = durable_client()
    publish(client, "1")
    assert server_of(client).in_flight is not None
    assert client.call(1, declare("memory", durable=False)) == declared("memory")


def test_deliveries_do_not_wait_behind_an_answer() -> None:
    client = durable_client()
    consume(client, "ctag")
    server_of(client).commit()
    client.take()
    client.send(1, declare("one"))
    opened(client.server).publish(1, "", "tasks", b"transient")
    assert bodies(client) == "transient"
    server_of(client).commit()
    assert client.methods() == [declared("one")]


def test_a_consumer_whose_answer_waits_gets_nothing_before_it() -> None:
    client = durable_client()
    client.send(1, declare("memory", durable=False))
    client.publish(1, "", "memory", b"1")
    client.take()
    client.send(1, declare("one"), Basic.Consume(queue="memory", consumer_tag="ctag"))
    client.publish(1, "", "memory", b"2")
    assert client.take() == []
    server_of(client).commit()
    one, consuming, *delivered = client.take()
    assert isinstance(one, Received) and one.method == declared("one")
    assert isinstance(consuming, Received) and consuming.method == Basic.ConsumeOk(consumer_tag="ctag")
    assert [event.body for event in delivered if isinstance(event, Received)] == [b"1", b"2"]


def test_an_answer_waits_for_the_commit_that_holds_it_and_no_longer() -> None:
    client = durable_client()
    client.open_channel(2)
    client.send(1, declare("one"))
    client.send(2, declare("two"))
    server_of(client).commit_one()
    assert client.methods() == [declared("one")]
    server_of(client).commit_one()
    assert client.methods() == [declared("two")]


def test_the_fault_that_closes_a_channel_is_told_behind_the_answers_that_wait() -> None:
    client = durable_client()
    client.send(1, declare("one"), Queue.Declare(queue="missing", passive=True))
    assert client.take() == []
    server_of(client).commit()
    one, closed = client.methods()
    assert one == declared("one")
    assert isinstance(closed, Channel.Close) and closed.reply_code == NOT_FOUND


def test_a_client_that_goes_while_its_answer_waits_takes_nothing_with_it() -> None:
    client = durable_client()
    other = opened(client.server)
    client.send(1, declare("one"))
    other.send(1, declare("two"))
    client.vanish()
    server_of(client).commit()
    assert other.methods() == [declared("two")]
    assert set(server_of(client).after_a_power_cut().vhost.queues) == {"tasks", "one", "two"}


def test_a_client_whose_answer_waits_is_told_that_it_is_blocked() -> None:
    client = durable_client()
    client.send(1, declare("one"))
    client.broker.raise_alarm(DISK)
    client.publish(1, "", "tasks", b"transient")
    assert client.methods() == [Connection.Blocked(reason="low on disk")]


# What is recorded


def test_what_a_client_acknowledges_is_settled_and_what_it_gives_back_is_not() -> None:
    client = durable_client(4)
    consume(client, "ctag")
    server_of(client).commit()
    client.send(1, Basic.Ack(delivery_tag=1), Basic.Reject(delivery_tag=2), Basic.Reject(delivery_tag=3, requeue=True))
    client.send(1, Channel.Close())
    server_of(client).commit()
    assert waiting_after_a_power_cut(client) == [(b"3", True), (b"4", True)]


def waiting_after_a_power_cut(client: WireClient) -> list[tuple[bytes, bool]]:
    queue = server_of(client).after_a_power_cut().queue()
    return [(body, redelivered) for _, (_, _, body, _), redelivered in queue.messages()]


def test_of_a_run_the_persistent_messages_are_recorded_and_the_order_stays() -> None:
    client = durable_client()
    octets = [
        publish_octets(1, Basic.Publish(routing_key="tasks"), str(number).encode(), delivery_mode=1 + number % 2)
        for number in range(6)
    ]
    client.feed(b"".join(octets))
    assert [body for body, _ in waiting(client)] == [b"0", b"1", b"2", b"3", b"4", b"5"]
    server_of(client).commit()
    assert [body for body, _ in waiting_after_a_power_cut(client)] == [b"1", b"3", b"5"]


def test_a_message_for_ten_queues_is_one_record() -> None:
    client = durable_client()
    names = [str(number) for number in range(10)]
    for name in names:
        client.send(1, declare(name), Queue.Bind(queue=name, exchange="amq.fanout"))
    server_of(client).commit()
    publish(client, "to all", exchange="amq.fanout")
    commit = server_of(client).in_flight
    assert commit is not None
    (record,) = publishes_in(commit)
    assert (record.message_count, len(record.queues)) == (1, 10)
    server_of(client).commit()
    again = server_of(client).after_a_power_cut()
    assert [there(again.queue(name)) for name in names] == [["to all"]] * 10


# Queues that refuse


def with_full_queue(**arguments: object) -> WireClient:
    """A client with confirms, and a queue 'full' that takes two messages."""
    client = with_queue()
    table = from_python({"x-max-length": 2, "x-overflow": "reject-publish", **arguments}).value
    client.send(1, Queue.Declare(queue="full", arguments=table, nowait=True), Confirm.Select(nowait=True))
    return client


def test_what_a_full_queue_does_not_take_is_told_to_its_publisher_and_comes_not_back() -> None:
    client = with_full_queue()
    method = Basic.Publish(routing_key="full", mandatory=True)
    client.feed(b"".join(publish_octets(1, method, body) for body in (b"1", b"2", b"3", b"4")))
    nacks = [Basic.Nack(delivery_tag=number, requeue=True) for number in (3, 4)]
    assert client.methods() == [*nacks, Basic.Ack(delivery_tag=2, multiple=True)]
    assert waiting(client, "full") == [(b"1", False), (b"2", False)]


def test_without_confirms_it_is_dropped_in_silence() -> None:
    client = with_full_queue()
    other = opened(client.server)
    publish_numbers(other, 3, name="full")
    assert other.take() == []
    assert [body for body, _ in waiting(client, "full")] == [b"1", b"2"]


def test_one_that_refuses_is_enough_for_a_nack_and_the_others_take_it() -> None:
    client = with_full_queue()
    for name in ("tasks", "full"):
        client.send(1, Queue.Bind(queue=name, exchange="amq.fanout", nowait=True))
    for body in (b"1", b"2", b"3"):
        client.publish(1, "amq.fanout", "", body)
    acks = [Basic.Ack(delivery_tag=1), Basic.Ack(delivery_tag=2)]
    assert client.methods() == [*acks, Basic.Nack(delivery_tag=3, requeue=True)]
    assert [body for body, _ in waiting(client)] == [b"1", b"2", b"3"]


def test_a_queue_that_has_room_again_takes_messages_again() -> None:
    client = with_full_queue()
    publish_numbers(client, 3, name="full")
    client.send(1, Basic.Get(queue="full", no_ack=True))
    client.take()
    publish_numbers(client, 2, 4, name="full")
    assert client.methods() == [Basic.Ack(delivery_tag=4), Basic.Nack(delivery_tag=5, requeue=True)]


def test_what_is_refused_may_die_and_comes_behind_what_others_were_given() -> None:
    dead = {"x-overflow": "reject-publish-dlx", "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "tasks"}
    client = with_full_queue(**dead)
    for name in ("tasks", "full"):
        client.send(1, Queue.Bind(queue=name, exchange="amq.fanout", nowait=True))
    for body in (b"1", b"2", b"3"):
        client.publish(1, "amq.fanout", "", body)
    assert [body for body, _ in waiting(client)] == [b"1", b"2", b"3", b"3"]


def test_what_is_refused_is_not_on_record_and_what_another_queue_took_of_it_is() -> None:
    client = durable_client()
    table = from_python({"x-max-length": 0, "x-overflow": "reject-publish"}).value
    client.send(1, Queue.Declare(queue="full", durable=True, arguments=table, nowait=True), Confirm.Select(nowait=True))
    for name in ("tasks", "full"):
        client.send(1, Queue.Bind(queue=name, exchange="amq.fanout", nowait=True))
    publish(client, "1", exchange="amq.fanout")
    assert client.methods() == [Basic.Nack(delivery_tag=1, requeue=True)]
    server_of(client).commit()
    again = server_of(client).after_a_kill()
    assert (there(again.queue()), again.vhost.queues["full"].message_count) == (["1"], 0)
