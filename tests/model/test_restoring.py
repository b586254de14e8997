"""A broker after a restart is the broker it was: exchanges, queues, bindings, and the order of nothing matters."""

import random
from collections.abc import Mapping

import pytest

from amqpbroker.errors import AMQPError
from amqpbroker.model.access import Users
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.broker import Broker
from amqpbroker.model.definitions import Content
from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.restoring import restore
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.profiles import PROFILES
from amqpbroker.wire.methods import Basic, Exchange, Queue
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, Table, from_python
from tests.helpers.durable import DurableServer, numbered, server_of
from tests.helpers.sessions import opened, waiting
from tests.helpers.wire_client import WireClient

EVERY_TYPE: Table = {
    "x-queue-type": Field("S", b"classic"),
    "bool": Field("t", True),
    "byte": Field("b", -1),
    "unsignedbyte": Field("B", 255),
    "short": Field("s", -2),
    "unsignedshort": Field("u", 65_535),
    "signedint": Field("I", -3),
    "unsignedint": Field("i", 1 << 31),
    "long": Field("l", -(1 << 60)),
    "float": Field("f", 0.5),
    "double": Field("d", 0.1),
    "decimal": Field("D", (2, 314)),
    "binary": Field("x", b"\x00\xff"),
    "timestamp": Field("T", 1 << 40),
    "void": Field("V", None),
    "nested": Field("F", {"list": Field("A", [Field("I", 1), Field("F", {"\udcff": Field("S", b"\xff")})])}),
}


def restarted(client: WireClient) -> DurableServer:
    """The broker after a power cut behind all that the client has done."""
    server_of(client).commit()
    return server_of(client).after_a_power_cut()


def described(vhost: VirtualHost) -> dict[str, object]:
    """All of a virtual host that is to survive."""
    exchanges = {
        name: (one.type, one.durable, one.auto_delete, one.internal, one.arguments, set(one.bindings))
        for name, one in vhost.exchanges.items()
    }
    queues = {name: (one.durable, one.auto_delete, one.owner, one.arguments) for name, one in vhost.queues.items()}
    return {"exchanges": exchanges, "queues": queues}


def test_exchanges_and_queues_come_back_with_arguments_of_every_type() -> None:
    client = opened(DurableServer())
    client.send(
        1,
        Queue.Declare(queue="tasks", durable=True, arguments=EVERY_TYPE),
        Queue.Declare(queue="brief", durable=True, auto_delete=True),
        Exchange.Declare(exchange="logs", exchange_type="topic", durable=True, arguments=EVERY_TYPE),
        Exchange.Declare(exchange="inner", exchange_type="headers", durable=True, internal=True, auto_delete=True),
    )
    again = restarted(client)
    assert described(again.vhost) == described(client.vhost)
    assert again.left == []


def test_what_was_declared_can_be_declared_again_and_not_otherwise() -> None:
    client = opened(DurableServer())
    client.send(1, Queue.Declare(queue="tasks", durable=True, arguments=from_python({"x-max-length": 5}).value))
    again = opened(restarted(client))
    same = Queue.Declare(queue="tasks", durable=True, arguments=from_python({"x-max-length": 5}).value)
    assert again.call(1, same) == Queue.DeclareOk(queue="tasks")
    other = Queue.Declare(queue="tasks", durable=True, arguments=from_python({"x-max-length": 6}).value)
    assert "inequivalent arg 'x-max-length'" in again.call(1, other).reply_text


def test_bindings_come_back_with_keys_and_arguments_between_queues_and_exchanges() -> None:
    client = opened(DurableServer())
    match = from_python({"x-match": "any", "level": "error"}).value
    client.send(
        1,
        Queue.Declare(queue="tasks", durable=True),
        Exchange.Declare(exchange="logs", exchange_type="topic", durable=True),
        Queue.Bind(queue="tasks", exchange="logs", routing_key="*.error"),
        Queue.Bind(queue="tasks", exchange="amq.headers", arguments=match),
        Exchange.Bind(destination="logs", source="amq.fanout"),
    )
    again = restarted(client)
    assert described(again.vhost) == described(client.vhost)
    publisher = opened(again)
    publisher.publish(1, "amq.fanout", "disk.error", b"1")
    publisher.publish(1, "amq.headers", "", b"2", headers=from_python({"level": "error"}).value)
    publisher.publish(1, "logs", "disk.warning", b"3")
    assert [body for body, _ in waiting(publisher)] == [b"1", b"2"]


@pytest.mark.parametrize("arguments", [{}, {"hash-header": "device"}])
def test_a_consistent_hash_leads_where_it_led(arguments: dict[str, str]) -> None:
    client = opened(DurableServer())
    table = from_python(arguments).value
    client.send(1, Exchange.Declare(exchange="hash", exchange_type="x-consistent-hash", durable=True, arguments=table))
    for name in "dbac":
        client.send(1, Queue.Declare(queue=name, durable=True))
        client.send(
            1,
            Queue.Bind(queue=name, exchange="hash", routing_key="2"),
            Queue.Bind(queue=name, exchange="hash", routing_key="5"),
        )

    def places(server: DurableServer) -> list[tuple[str, ...]]:
        exchange = server.vhost.exchanges["hash"]
        return [
            server.vhost.route(exchange, [str(number)], Properties(headers={"device": Field("I", number)})).queue_names
            for number in range(100)
        ]

    assert places(restarted(client)) == places(server_of(client))


@pytest.mark.parametrize("kind", ["x-consistent-hash", "x-local-random", "x-modulus-hash", "x-random"])
def test_every_type_of_exchange_routes_again(kind: str) -> None:
    client = opened(DurableServer())
    client.send(
        1,
        Queue.Declare(queue="tasks", durable=True),
        Exchange.Declare(exchange="any", exchange_type=kind, durable=True),
        Queue.Bind(queue="tasks", exchange="any", routing_key="" if kind == "x-local-random" else "1"),
    )
    publisher = opened(restarted(client))
    publisher.publish(1, "any", "key", b"1")
    assert waiting(publisher) == [(b"1", False)]


def test_recent_history_is_there_for_new_bindings_and_not_for_old_ones() -> None:
    client = opened(DurableServer())
    arguments = from_python({"x-recent-history-length": 3}).value
    client.send(
        1,
        Queue.Declare(queue="tasks", durable=True),
        Queue.Declare(queue="late", durable=True),
        Exchange.Declare(exchange="news", exchange_type="x-recent-history", durable=True, arguments=arguments),
        Queue.Bind(queue="tasks", exchange="news"),
    )
    for body in (b"1", b"2", b"3", b"4"):
        client.publish(1, "news", "", body)
    again = opened(restarted(client))
    assert waiting(again, "tasks") == []
    again.publish(1, "news", "", b"5")
    again = opened(restarted(again))
    again.send(1, Queue.Bind(queue="late", exchange="news"))
    assert [body for body, _ in waiting(again, "late")] == [b"3", b"4", b"5"]


def test_recent_history_goes_with_its_exchange() -> None:
    client = opened(DurableServer())
    declare = Exchange.Declare(exchange="news", exchange_type="x-recent-history", durable=True)
    client.send(1, declare)
    client.publish(1, "news", "", b"1")
    client.send(1, Exchange.Delete(exchange="news"), declare, Queue.Declare(queue="late", durable=True))
    again = opened(restarted(client))
    again.send(1, Queue.Bind(queue="late", exchange="news"))
    assert waiting(again, "late") == []


def test_an_alternate_exchange_works_again() -> None:
    client = opened(DurableServer())
    arguments = from_python({"alternate-exchange": "amq.fanout"}).value
    client.send(
        1,
        Queue.Declare(queue="tasks", durable=True),
        Queue.Bind(queue="tasks", exchange="amq.fanout"),
        Exchange.Declare(exchange="logs", exchange_type="direct", durable=True, arguments=arguments),
    )
    publisher = opened(restarted(client))
    publisher.publish(1, "logs", "nobody", b"1")
    assert waiting(publisher) == [(b"1", False)]


def test_an_auto_delete_exchange_that_came_back_goes_with_its_last_binding() -> None:
    client = opened(DurableServer())
    client.send(
        1,
        Queue.Declare(queue="tasks", durable=True),
        Exchange.Declare(exchange="logs", exchange_type="fanout", durable=True, auto_delete=True),
        Queue.Bind(queue="tasks", exchange="logs"),
    )
    again = opened(restarted(client))
    again.send(1, Queue.Unbind(queue="tasks", exchange="logs"))
    assert "logs" not in again.vhost.exchanges
    assert "logs" not in restarted(again).vhost.exchanges


def test_what_was_not_durable_is_gone_with_its_bindings() -> None:
    client = opened(DurableServer())
    client.send(
        1,
        Queue.Declare(queue="tasks", durable=True),
        Queue.Declare(queue="memory"),
        Queue.Declare(queue="mine", durable=True, exclusive=True),
        Exchange.Declare(exchange="brief", exchange_type="fanout"),
        Queue.Bind(queue="tasks", exchange="brief"),
        Queue.Bind(queue="memory", exchange="amq.fanout"),
        Queue.Bind(queue="mine", exchange="amq.fanout"),
    )
    again = restarted(client)
    assert set(again.vhost.queues) == {"tasks"}
    assert "brief" not in again.vhost.exchanges
    assert not again.vhost.exchanges["amq.fanout"].bindings


def test_names_beyond_ascii_come_back() -> None:
    client = opened(DurableServer())
    name = "größe \0 ☃ 𝄞"
    client.send(1, Queue.Declare(queue=name, durable=True))
    client.send(1, Queue.Bind(queue=name, exchange="amq.direct", routing_key=name))
    publisher = opened(restarted(client))
    publisher.publish(1, "amq.direct", name, b"1")
    assert waiting(publisher, name) == [(b"1", False)]


def test_a_second_restart_finds_the_same_as_the_first() -> None:
    client = opened(DurableServer())
    client.send(
        1,
        Queue.Declare(queue="tasks", durable=True, arguments=EVERY_TYPE),
        Queue.Bind(queue="tasks", exchange="amq.topic", routing_key="#", arguments=EVERY_TYPE),
    )
    first = restarted(client)
    before = described(first.vhost)
    assert described(first.after_a_stop().after_a_kill().vhost) == before


# What is set by name


def set_much(server: DurableServer) -> None:
    parameters = server.vhost.parameters
    parameters.set_policy("short", {"pattern": "^tasks", "definition": {"max-length": 1}, "priority": 2})
    parameters.set_policy("rest", {"pattern": "^logs", "definition": {"alternate-exchange": "amq.fanout"}})
    parameters.set_policy("strict", {"pattern": "", "definition": {"expires": 9}}, for_operators=True)
    parameters.set_limit("max-queues", 7)
    server.vhost.set_metadata(description="for tests", tags=["a", "b"], default_queue_type="quorum")
    server.broker.global_parameters.set("cluster_name", {"any": ["value"]})
    server.broker.quotas.set_user_limits("anna", {"max-channels": 3})


def all_that_is_set(server: DurableServer) -> dict[str, object]:
    parameters, broker = server.vhost.parameters, server.broker
    return {
        "policies": list(parameters.policies),
        "parameters": list(parameters),
        "virtual host": (server.vhost.default_queue_type, server.vhost.description, server.vhost.tags),
        "global": list(broker.global_parameters),
        "limits": dict(broker.quotas.user_limits()),
    }


def test_what_is_set_comes_back_and_counts() -> None:
    client = opened(DurableServer())
    server = server_of(client)
    client.send(1, Queue.Declare(queue="tasks", durable=True), Queue.Declare(queue="other", durable=True))
    client.send(1, Exchange.Declare(exchange="logs", exchange_type="direct", durable=True))
    set_much(server)
    again = restarted(client)
    assert all_that_is_set(again) == all_that_is_set(server)
    settings = {name: queue.settings for name, queue in again.vhost.queues.items()}
    assert settings == {name: queue.settings for name, queue in server.vhost.queues.items()}
    assert (settings["tasks"].max_length, settings["other"].expires_ms) == (1, 9)
    assert again.vhost.exchanges["logs"].alternate == "amq.fanout"
    assert set(again.broker.vhosts) == {"/"}


def test_what_was_cleared_stays_gone() -> None:
    client = opened(DurableServer())
    server = server_of(client)
    set_much(server)
    server.vhost.parameters.clear_policy("short")
    server.vhost.parameters.clear_policy("rest")
    server.vhost.parameters.clear_policy("strict", for_operators=True)
    server.vhost.parameters.clear("vhost-limits", "limits")
    server.vhost.set_metadata(description="", tags=(), default_queue_type=None)
    server.broker.global_parameters.clear("cluster_name")
    server.broker.quotas.clear_user_limit("anna", "all")
    assert all_that_is_set(restarted(client)) == all_that_is_set(DurableServer())


# Users and virtual hosts


def access_of(server: DurableServer) -> dict[str, object]:
    broker = server.broker
    return {
        "virtual hosts": {name: (one.description, one.tags) for name, one in broker.vhosts.items()},
        "users": list(broker.users),
        "permissions": list(broker.permissions),
        "topic permissions": list(broker.topic_permissions),
    }


def give_access(server: DurableServer) -> None:
    broker = server.broker
    broker.create_vhost("new", description="empty", tags=["a"])
    broker.users.set("carl", password="wort", tags=["monitoring"])
    broker.users.set("dora")
    for name in ("carl", "dora"):
        broker.permissions.set(name, "new", configure="c", write="w", read="")
        broker.topic_permissions.set(name, "new", "amq.topic", write="{username}", read="")


def test_users_and_what_they_may_come_back() -> None:
    server = DurableServer()
    give_access(server)
    server.commit()
    again = server.after_a_power_cut()
    assert access_of(again) == access_of(server)
    assert again.broker.users.authenticate("carl", b"wort") is not None
    assert again.broker.users.authenticate("dora", b"") is None
    assert access_of(again.after_a_stop().after_a_kill()) == access_of(server)


def test_users_and_virtual_hosts_that_were_deleted_stay_gone() -> None:
    server = DurableServer()
    give_access(server)
    server.vhost.new_queue("here", durable=True, auto_delete=False, owner=None, arguments={})
    new = server.broker.vhosts["new"]
    there = new.new_queue("there", durable=True, auto_delete=False, owner=None, arguments={})
    new.put([there], numbered(3))
    new.parameters.set_policy("short", {"pattern": "", "definition": {"max-length": 1}})
    server.broker.delete_user("dora")
    server.broker.delete_vhost("new")
    server.broker.users.set("carl", password="other")
    server.commit()
    again = server.after_a_power_cut()
    assert access_of(again) == access_of(server)
    assert (set(again.broker.vhosts), set(again.vhost.queues)) == ({"/"}, {"here"})
    assert (again.damage, again.left) == ([], [])


def test_a_virtual_host_of_older_versions_knows_its_queue_type_alone() -> None:
    broker, _, _ = filled({("vhost", "/", ""): {"default_queue_type": "quorum"}})
    vhost = broker.vhosts["/"]
    assert (vhost.default_queue_type, vhost.description, vhost.tags) == ("quorum", "", ())


# From definitions alone


class NoJournal:
    """Notes what is asked of it; nothing may be recorded while a broker is filled."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} is recorded again")


DEFINITIONS: Mapping[tuple[str, str, str], Content] = {
    ("queue", "/", "tasks"): {"id": 7, "auto_delete": False, "arguments": {}},
    ("exchange", "/", "logs"): {"type": "fanout", "auto_delete": False, "internal": False, "arguments": {}},
    ("binding", "/", '["logs", "queue", "tasks", "", {}]'): {},
    ("queue", "other", "tasks"): {"id": 8, "auto_delete": False, "arguments": {}},
}


def filled(definitions: Mapping[tuple[str, str, str], Content]) -> tuple[Broker, list[str], dict[int, PagedQueue]]:
    broker = Broker(PROFILES["4.2"], Users([]), random.Random(0).randbytes, HandClock())
    broker.add_vhost("/")
    revived: dict[int, PagedQueue] = {}
    left = restore(broker, NoJournal(), definitions, lambda queue, number: revived.update({number: queue}))
    return broker, left, revived


@pytest.mark.parametrize("seed", range(6))
def test_definitions_may_come_in_any_order(seed: int) -> None:
    shuffled = random.Random(seed).sample(list(DEFINITIONS.items()), len(DEFINITIONS))
    broker, left, revived = filled(dict(shuffled))
    assert left == []
    assert broker.vhosts["/"].is_bound(Binding("logs", Destination("queue", "tasks"), "", {}))
    assert {number: queue.name for number, queue in revived.items()} == {7: "tasks", 8: "tasks"}
    assert set(broker.vhosts) == {"/", "other"}


@pytest.mark.parametrize("lost", ["queue", "exchange"])
def test_a_binding_whose_end_was_lost_is_told(lost: str) -> None:
    _, left, _ = filled({key: content for key, content in DEFINITIONS.items() if key[0] != lost})
    assert left == ['in vhost \'/\': ["logs", "queue", "tasks", "", {}]']


def test_every_virtual_host_records_from_then_on() -> None:
    broker, _, _ = filled(DEFINITIONS)
    for vhost in broker.vhosts.values():
        with pytest.raises(AssertionError, match="define is recorded again"):
            vhost.add_exchange(EXCHANGE_TYPES["direct"]("new", True, False, False, {}))


def test_a_missing_queue_is_missing() -> None:
    broker, _, _ = filled({})
    with pytest.raises(AMQPError, match="no queue 'tasks'"):
        broker.vhosts["/"].queue("tasks", None)


def test_messages_come_back_to_their_queues() -> None:
    client = opened(DurableServer())
    for name in "ab":
        client.send(1, Queue.Declare(queue=name, durable=True))
        client.publish(1, "", name, name.encode(), delivery_mode=2, message_id="7")
    again = opened(restarted(client))
    assert (waiting(again, "a"), waiting(again, "b")) == ([(b"a", False)], [(b"b", False)])
    again.send(1, Basic.Get(queue="a"))
    server_of(again).commit()
    (event,) = again.take()
    assert event.properties.message_id == "7"


def test_a_policy_that_this_profile_would_refuse_comes_back_as_it_is() -> None:
    content = {"pattern": "", "apply-to": "all", "definition": {"ha-mode": "all"}, "priority": 0}
    broker, _, _ = filled({("policy", "/", "mirrors"): content})
    assert [policy.definition for policy in broker.vhosts["/"].parameters.policies] == [{"ha-mode": "all"}]
