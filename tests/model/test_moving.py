"""Messages moved: all of them there or here, whatever happens between."""

from collections.abc import Iterator

import pytest

from amqpbroker.errors import AMQPError
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.message import PERSISTENT, Message, address_of, split_address
from amqpbroker.model.moving import Way, move
from amqpbroker.model.queue import Queue
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.wire.properties import Properties, encode
from amqpbroker.wire.tables import Field, Table, long_string
from tests.helpers.durable import DurableServer, there


def text(body: str, key: str = "tasks") -> Message:
    return address_of("orders", key), encode(Properties(delivery_mode=2), len(body)), body.encode(), PERSISTENT


def declare(vhost: VirtualHost, name: str, **arguments: Field) -> Queue:
    table: Table = {key.replace("_", "-"): field for key, field in arguments.items()}
    return vhost.new_queue(name, durable=True, auto_delete=False, owner=None, arguments=table)


def filled(server: DurableServer, name: str, *bodies: str, **arguments: Field) -> Queue:
    queue = declare(server.vhost, name, **arguments)
    for body in bodies:
        server.vhost.put([queue], [text(body)])
    server.commit()
    return queue


def by_name(vhost: VirtualHost, name: str | None = None, exchange: str = "") -> Way:
    return Way(vhost.exchange(exchange), name)


@pytest.fixture
def server() -> Iterator[DurableServer]:
    yield DurableServer()


def bodies(queue: Queue) -> list[str]:
    return [body.decode() for _, (_, _, body, _), _ in queue.messages()]


def test_messages_come_in_their_order_with_their_new_address(server: DurableServer) -> None:
    source, target = filled(server, "dead", "1", "2", "3"), declare(server.vhost, "tasks")
    assert move(server.vhost, source, by_name(server.vhost, "tasks"), 2) == 2
    assert (bodies(source), bodies(target)) == (["3"], ["1", "2"])
    assert split_address(target.messages()[0][1][0]) == ("", "tasks")


def test_no_more_are_moved_than_there_are(server: DurableServer) -> None:
    source = filled(server, "dead", "1")
    declare(server.vhost, "tasks")
    assert move(server.vhost, source, by_name(server.vhost, "tasks"), 10) == 1


def test_without_a_routing_key_each_has_its_own(server: DurableServer) -> None:
    source, target = filled(server, "dead", "1"), declare(server.vhost, "tasks")
    server.vhost.bind(Binding("amq.topic", Destination("queue", "tasks"), "tasks", {}))
    assert move(server.vhost, source, by_name(server.vhost, exchange="amq.topic"), 1) == 1
    assert split_address(target.messages()[0][1][0]) == ("amq.topic", "tasks")


def test_what_finds_no_queue_stays(server: DurableServer) -> None:
    source = filled(server, "dead", "1")
    assert move(server.vhost, source, by_name(server.vhost, exchange="amq.topic"), 1) == 0
    assert bodies(source) == ["1"]


def test_what_is_refused_stays_with_all_behind_it(server: DurableServer) -> None:
    source = filled(server, "dead", "1", "2", "3")
    limits = {"x_max_length": Field("l", 1), "x_overflow": long_string("reject-publish")}
    target = declare(server.vhost, "tasks", **limits)
    assert move(server.vhost, source, by_name(server.vhost, "tasks"), 3) == 1
    assert (bodies(source), bodies(target)) == (["2", "3"], ["1"])


@pytest.mark.parametrize("arguments", [{}, {"x_max_priority": Field("l", 5)}, {"x_queue_type": long_string("quorum")}])
def test_it_is_one_commit(server: DurableServer, arguments: dict[str, Field]) -> None:
    source = filled(server, "dead", "1", "2", **arguments)
    filled(server, "tasks", **arguments)
    move(server.vhost, source, by_name(server.vhost, "tasks"), 1)
    again = server.after_a_power_cut()
    assert bodies(again.vhost.queues["dead"]) == ["1", "2"]
    assert bodies(again.vhost.queues["tasks"]) == []
    move(again.vhost, again.vhost.queues["dead"], by_name(again.vhost, "tasks"), 1)
    again.commit()
    last = again.after_a_power_cut()
    assert bodies(last.vhost.queues["dead"]) == ["2"]
    assert bodies(last.vhost.queues["tasks"]) == ["1"]


def test_a_stop_in_the_middle_of_the_write_leaves_each_message_in_one_of_the_two(server: DurableServer) -> None:
    source = filled(server, "dead", *map(str, range(20)))
    filled(server, "tasks")
    for _ in range(20):
        move(server.vhost, source, by_name(server.vhost, "tasks"), 1)
        server.finish_turn()
    again = server.after_a_power_cut()
    left, moved = there(again.queue("dead")), there(again.queue("tasks"))
    assert moved + left == [str(number) for number in range(20)]


def test_counts_of_a_quorum_queue_stay_behind(server: DurableServer) -> None:
    source = filled(server, "dead", "1", x_queue_type=long_string("quorum"))
    target = declare(server.vhost, "tasks")
    found = source.take()
    assert found is not None
    position, message, _ = found
    source.requeue([(position, message)])
    assert move(server.vhost, source, by_name(server.vhost, "tasks"), 1) == 1
    _, (_, header, _, flags), redelivered = target.messages()[0]
    assert (header, flags, redelivered) == (text("1")[1], PERSISTENT, False)


def test_a_deadline_of_the_source_does_not_go_along(server: DurableServer) -> None:
    source = filled(server, "dead", "1", x_message_ttl=Field("l", 1000))
    target = declare(server.vhost, "tasks")
    move(server.vhost, source, by_name(server.vhost, "tasks"), 1)
    server.clock.advance(2)
    assert bodies(target) == ["1"]


def test_an_exchange_that_is_not_there_is_no_way(server: DurableServer) -> None:
    with pytest.raises(AMQPError, match="no exchange 'nope'"):
        by_name(server.vhost, exchange="nope")
