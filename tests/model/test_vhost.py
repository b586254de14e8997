"""A virtual host: exchanges, queues, what binds them, and what goes when one of them goes."""

from random import Random

import pytest

from amqpbroker.errors import (
    ACCESS_REFUSED,
    COMMAND_INVALID,
    NOT_FOUND,
    PRECONDITION_FAILED,
    RESOURCE_LOCKED,
    AMQPError,
)
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.consumer import ChannelBudget, Consumer
from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.message import DEADLINE_SHIFT, address_of, flags_of
from amqpbroker.model.policies.validation import InvalidParameterError
from amqpbroker.model.queue import Queue
from amqpbroker.model.queues.paged import NO_STORE, PagedQueue
from amqpbroker.model.vhost import PREDECLARED, VirtualHost, check_new_name
from amqpbroker.profiles import PROFILES
from amqpbroker.wire.properties import Properties
from tests.helpers import hosts
from tests.helpers.durable import DurableServer, definitions
from tests.helpers.outlet import Outlet, messages


class Told(Outlet):
    """A connection that notes which of its consumers were cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.cancelled_tags: list[str] = []

    def cancelled(self, consumer: Consumer) -> None:
        self.cancelled_tags.append(consumer.tag)


@pytest.fixture
def vhost() -> VirtualHost:
    return VirtualHost("/", PROFILES["4.2"], Random(0).randbytes, HandClock())


def add_queue(vhost: VirtualHost, name: str = "tasks", *, auto_delete: bool = False, owner: object = None) -> Queue:
    queue = Queue(name, auto_delete=auto_delete, owner=owner)
    vhost.add_queue(queue)
    return queue


def add_exchange(vhost: VirtualHost, name: str, *, kind: str = "fanout", auto_delete: bool = False) -> None:
    vhost.add_exchange(EXCHANGE_TYPES[kind](name, False, auto_delete, False, {}))


def to_queue(source: str, name: str = "tasks", key: str = "") -> Binding:
    return Binding(source, Destination("queue", name), key, {})


def to_exchange(source: str, name: str) -> Binding:
    return Binding(source, Destination("exchange", name), "", {})


def reached(vhost: VirtualHost, exchange: str, key: str = "") -> tuple[str, ...]:
    return vhost.route(vhost.exchange(exchange), (key,), Properties()).queue_names


def test_every_virtual_host_has_the_predeclared_exchanges(vhost: VirtualHost) -> None:
    for name, kind, internal in PREDECLARED:
        exchange = vhost.exchange(name)
        assert (exchange.type, exchange.durable, exchange.internal) == (kind, True, internal)
    assert len(vhost.exchanges) == len(PREDECLARED) + 1


def test_a_missing_exchange_or_queue_is_named(vhost: VirtualHost) -> None:
    with pytest.raises(AMQPError, match="NOT_FOUND - no exchange 'logs' in vhost '/'"):
        vhost.exchange("logs")
    with pytest.raises(AMQPError, match="NOT_FOUND - no queue 'tasks' in vhost '/'") as missing:
        vhost.queue("tasks", None)
    assert missing.value.code == NOT_FOUND


@pytest.mark.parametrize(("profile", "code"), [("3.13", COMMAND_INVALID), ("4.2", PRECONDITION_FAILED)])
def test_an_unknown_type_of_exchange_is_refused_by_the_profiles_code(profile: str, code: int) -> None:
    with pytest.raises(AMQPError, match="unknown exchange type 'x-nothing'") as refused:
        VirtualHost("/", PROFILES[profile], Random(0).randbytes, HandClock()).exchange_type("x-nothing")
    assert refused.value.code == code


def test_a_queue_of_another_connection_is_locked(vhost: VirtualHost) -> None:
    owner = object()
    queue = add_queue(vhost, owner=owner)
    assert vhost.queue("tasks", owner) is queue
    with pytest.raises(AMQPError, match="cannot obtain exclusive access to locked queue 'tasks'") as locked:
        vhost.queue("tasks", object())
    assert locked.value.code == RESOURCE_LOCKED


def test_every_change_of_the_topology_changes_the_version_and_nothing_else_does(vhost: VirtualHost) -> None:
    versions = [vhost.version]

    def changed() -> bool:
        versions.append(vhost.version)
        return versions[-1] != versions[-2]

    queue = add_queue(vhost)
    assert changed()
    add_exchange(vhost, "logs")
    assert changed()
    vhost.bind(to_queue("logs"))
    assert changed()
    vhost.bind(to_queue("logs"))
    vhost.unbind(to_queue("logs", "other"))
    vhost.delete_exchange("missing")
    queue.extend(messages(3))
    queue.purge()
    assert not changed()
    vhost.unbind(to_queue("logs"))
    assert changed()
    vhost.delete_exchange("logs")
    assert changed()
    vhost.delete_queue(queue)
    assert changed()


def test_a_deleted_queue_takes_its_bindings_messages_and_consumers_with_it(vhost: VirtualHost) -> None:
    queue = add_queue(vhost)
    vhost.bind(to_queue("amq.fanout"))
    queue.extend(messages(3))
    connection = Told()
    for tag in ("a", "b"):
        queue.add_consumer(Consumer(tag, queue, connection, ChannelBudget(), number=1))
    assert vhost.delete_queue(queue) == 3
    assert connection.cancelled_tags == ["a", "b"]
    assert (queue.consumers, queue.levels, queue.deleted, queue.message_count) == ({}, {}, True, 0)
    assert reached(vhost, "amq.fanout") == ()
    assert not vhost.exchange("amq.fanout").bindings


def test_a_deleted_exchange_takes_its_bindings_in_both_directions_with_it(vhost: VirtualHost) -> None:
    add_queue(vhost)
    add_exchange(vhost, "logs")
    vhost.bind(to_exchange("amq.fanout", "logs"))
    vhost.bind(to_queue("logs"))
    assert reached(vhost, "amq.fanout") == ("tasks",)
    vhost.delete_exchange("logs")
    add_exchange(vhost, "logs")
    assert reached(vhost, "amq.fanout") == reached(vhost, "logs") == ()
    assert vhost.bindings_to(Destination("queue", "tasks")) == ()


def test_an_auto_delete_exchange_goes_with_the_last_binding_it_is_the_source_of(vhost: VirtualHost) -> None:
    queue = add_queue(vhost)
    add_exchange(vhost, "logs", auto_delete=True)
    vhost.bind(to_exchange("amq.fanout", "logs"))
    vhost.unbind(to_exchange("amq.fanout", "logs"))
    vhost.bind(to_queue("logs"))
    assert "logs" in vhost.exchanges
    vhost.delete_queue(queue)
    assert "logs" not in vhost.exchanges


def test_auto_delete_exchanges_go_one_after_the_other(vhost: VirtualHost) -> None:
    queue = add_queue(vhost)
    for name in ("first", "second", "third"):
        add_exchange(vhost, name, auto_delete=True)
    for binding in (to_exchange("first", "second"), to_exchange("second", "third"), to_queue("third")):
        vhost.bind(binding)
    vhost.delete_queue(queue)
    assert not {"first", "second", "third"} & set(vhost.exchanges)


def test_exchanges_in_a_circle_that_are_auto_delete_go_without_end_or_fault(vhost: VirtualHost) -> None:
    for name in ("first", "second"):
        add_exchange(vhost, name, auto_delete=True)
    vhost.bind(to_exchange("first", "second"))
    vhost.bind(to_exchange("second", "first"))
    vhost.delete_exchange("first")
    assert not {"first", "second"} & set(vhost.exchanges)


def test_an_auto_delete_queue_goes_with_its_last_consumer_but_not_before_it_had_one(vhost: VirtualHost) -> None:
    queue = add_queue(vhost, auto_delete=True)
    vhost.consumer_gone(queue)
    assert "tasks" in vhost.queues
    consumers = [Consumer(tag, queue, Told(), ChannelBudget(), number=1) for tag in "ab"]
    for consumer in consumers:
        queue.add_consumer(consumer)
    for consumer, left in zip(consumers, (True, False), strict=True):
        queue.remove_consumer(consumer)
        vhost.consumer_gone(queue)
        assert ("tasks" in vhost.queues) == left


def test_names_of_the_server_are_refused_for_new_things() -> None:
    assert check_new_name("queue", "tasks") == "tasks"
    with pytest.raises(AMQPError, match=r"queue name 'amq.mine' contains reserved prefix 'amq.\*'") as refused:
        check_new_name("queue", "amq.mine")
    assert refused.value.code == ACCESS_REFUSED


# Recorded


def recorded(server: DurableServer) -> list[tuple[str, str, bool]]:
    """(kind, name, whether it is there now) of what was defined since the last look."""
    server.finish_turn()
    commit = server.in_flight
    found = definitions(commit) if commit is not None else {}
    server.commit()
    return [(kind, name, content is not None) for (kind, _, name), content in found.items()]


TO_TASKS = '["logs", "queue", "tasks", "", {}]'
TO_LOGS = '["amq.fanout", "exchange", "logs", "", {}]'


def durable_vhost() -> tuple[DurableServer, VirtualHost]:
    """With a durable exchange and a durable queue bound to it."""
    server = DurableServer()
    vhost = server.vhost
    vhost.add_exchange(EXCHANGE_TYPES["fanout"]("logs", True, False, False, {}))
    server.queue("tasks")
    vhost.bind(to_queue("logs"))
    vhost.bind(to_exchange("amq.fanout", "logs"))
    assert recorded(server) == [
        ("exchange", "logs", True),
        ("queue", "tasks", True),
        ("binding", TO_TASKS, True),
        ("binding", TO_LOGS, True),
    ]
    return server, vhost


def test_what_is_done_twice_is_recorded_once() -> None:
    server, vhost = durable_vhost()
    vhost.bind(to_queue("logs"))
    vhost.unbind(to_queue("logs", "other"))
    vhost.delete_exchange("missing")
    assert recorded(server) == []


def test_a_deleted_queue_takes_its_bindings_from_the_record_too() -> None:
    server, vhost = durable_vhost()
    vhost.delete_queue(vhost.queues["tasks"])
    assert sorted(recorded(server)) == [("binding", TO_TASKS, False), ("queue", "tasks", False)]


def test_a_deleted_exchange_takes_its_bindings_in_both_directions_from_the_record_too() -> None:
    server, vhost = durable_vhost()
    vhost.delete_exchange("logs")
    gone = [("binding", TO_LOGS, False), ("binding", TO_TASKS, False), ("exchange", "logs", False)]
    assert sorted(recorded(server)) == gone


def test_what_is_not_durable_is_not_recorded() -> None:
    server, vhost = durable_vhost()
    add_exchange(vhost, "brief")
    server.queue("memory", durable=False)
    for binding in (to_queue("brief"), to_queue("logs", "memory"), to_exchange("brief", "logs")):
        vhost.bind(binding)
    vhost.delete_exchange("brief")
    vhost.delete_queue(vhost.queues["memory"])
    assert recorded(server) == []


def test_a_binding_is_durable_if_both_of_its_ends_are() -> None:
    server, vhost = durable_vhost()
    add_exchange(vhost, "brief")
    server.queue("memory", durable=False)
    assert vhost.is_durable(to_queue("logs")) and vhost.is_durable(to_exchange("logs", "amq.fanout"))
    for binding in (to_queue("brief"), to_queue("logs", "memory"), to_queue("logs", "missing"), to_queue("missing")):
        assert not vhost.is_durable(binding)


def test_every_queue_has_a_number_that_no_other_ever_has() -> None:
    server = DurableServer()
    numbers = []
    for _ in range(3):
        for name in "ab":
            numbers.append(server.queue(name).log_id)
            server.vhost.delete_queue(server.queue(name))
        server.commit()
        server = server.after_a_kill()
    assert len(set(numbers)) == 6


def test_without_a_journal_a_queue_is_one_in_memory(vhost: VirtualHost) -> None:
    queue = vhost.new_queue("tasks", durable=True, auto_delete=False, owner=None, arguments={})
    assert queue.log is None
    assert isinstance(queue, PagedQueue) and queue.store is NO_STORE


def test_the_default_queue_type_is_one_that_there_is(vhost: VirtualHost) -> None:
    vhost.set_default_queue_type("stream")
    with pytest.raises(InvalidParameterError, match="bogus is not a valid queue type"):
        vhost.set_default_queue_type("bogus")
    assert vhost.default_queue_type == "stream"
    vhost.set_default_queue_type(None)
    assert vhost.default_queue_type is None


# What the broker itself puts into queues


def test_what_is_put_is_on_record_where_it_is_persistent_and_the_queue_durable() -> None:
    server = DurableServer()
    queues = [server.queue("kept"), server.queue("memory", durable=False)]
    server.vhost.put(queues, [hosts.message(1, mode=2), hosts.message(2), hosts.message(3, mode=2)])
    server.commit()
    assert [hosts.waiting(server.vhost, queue.name) for queue in queues] == ["1 2 3", "1 2 3"]
    again = server.after_a_kill().vhost
    assert (list(again.queues), hosts.waiting(again, "kept")) == (["kept"], "1 3")


def test_a_full_queue_does_not_take_what_is_put_and_the_others_do(vhost: VirtualHost) -> None:
    full = hosts.declare(vhost, "full", x_max_length=1, x_overflow="reject-publish")
    vhost.put([full, add_queue(vhost)], [hosts.message(1), hosts.message(2)])
    assert (hosts.waiting(vhost, "full"), hosts.waiting(vhost)) == ("1", "1 2")


def test_the_broker_publishes_as_clients_do_and_to_what_is_not_there_nothing(vhost: VirtualHost) -> None:
    queue = add_queue(vhost)
    vhost.bind(to_queue("amq.topic", key="news.#"))
    vhost.publish_from_server("amq.topic", "news.late", Properties(priority=3, expiration="5000"), b"body")
    vhost.publish_from_server("missing", "news.late", Properties(), b"lost")
    ((_, (address, _, body, flags), _),) = queue.messages()
    assert (address, body) == (address_of("amq.topic", "news.late"), b"body")
    assert flags == vhost.clock.unix_ms() + 5_000 << DEADLINE_SHIFT | flags_of(None, 3, True)


# Settings


def test_settings_that_change_apply_to_a_queue_that_holds_messages(vhost: VirtualHost) -> None:
    queue = hosts.declare(vhost)
    hosts.put(vhost, 1, 2, 3)
    vhost.parameters.set_policy("short", {"pattern": "tasks", "definition": {"max-length": 1}})
    assert hosts.waiting(vhost) == "3"
    vhost.parameters.clear_policy("short")
    hosts.put(vhost, 4)
    assert (hosts.waiting(vhost), queue.settings.max_length) == ("3 4", None)


def test_a_queue_that_had_no_rules_has_some_once_a_message_may_expire(vhost: VirtualHost) -> None:
    queue = hosts.declare(vhost)
    assert queue.rules is None
    vhost.expect_deadlines([queue])
    assert queue.rules is not None and queue.rules.has_deadlines
    rules = queue.rules
    vhost.expect_deadlines([queue])
    assert queue.rules is rules


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_nothing_of_an_abandoned_one_falls_due(kind: str) -> None:
    vhost = hosts.host("4.3")
    hosts.declare(vhost, "dead")
    hosts.declare(vhost, "ends", x_expires=1_000)
    retry = {"x_delayed_retry_type": "all", "x_delayed_retry_min": 1_000} if kind == "quorum" else {}
    tasks = hosts.declare(vhost, durable=True, x_queue_type=kind, x_message_ttl=1_000, **hosts.TO_DEAD, **retry)
    hosts.put(vhost, 1, 2)
    tasks.requeue([hosts.taken(tasks)])
    vhost.abandon()
    hosts.clock_of(vhost).advance(10.0)
    assert (hosts.waiting(vhost, "dead"), "ends" in vhost.queues, tasks.deleted) == ("", True, True)
