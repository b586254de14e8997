"""What is told to those who are bound to amq.rabbitmq.event; headers as recorded from RabbitMQ 3.10.8."""

from dataclasses import replace

import pytest

from amqpbroker.model.broker import MEMORY
from amqpbroker.model.observing.events import EVENT_EXCHANGE, ConnectionFacts, Events
from amqpbroker.model.observing.tls_facts import CertificateFacts, TlsFacts
from amqpbroker.wire.methods import Basic, Channel, Connection, Exchange, Queue
from amqpbroker.wire.tables import Field, Table, from_python
from tests.helpers.events import events, kinds, observer
from tests.helpers.sessions import bind, consume, declare_exchange, opened
from tests.helpers.users import allow
from tests.helpers.wire_client import MemoryServer, WireClient, start_ok


def test_the_exchange_is_there_for_bindings_only() -> None:
    exchange = observer().vhost.exchanges[EVENT_EXCHANGE]
    assert (exchange.type, exchange.durable, exchange.internal, exchange.auto_delete) == ("topic", True, True, False)


def test_nothing_is_put_together_while_nobody_is_bound() -> None:
    client = opened()
    client.broker.events.begin(client.vhost)
    before = client.clock.waiting
    client.send(1, Queue.Declare(queue="tasks", nowait=True))
    client.send(1, Queue.Delete(queue="tasks", nowait=True))
    assert client.clock.waiting == before


def test_what_a_start_restores_is_nobodys_news() -> None:
    client = opened()
    client.vhost.declare_own(EVENT_EXCHANGE)
    client.send(1, Queue.Declare(queue="news", nowait=True))
    bind(client, EVENT_EXCHANGE, "news", "#")
    client.broker.events.begin(client.vhost)
    assert events(client) == []


# Queues, exchanges, bindings


def test_a_queue_is_declared_and_deleted() -> None:
    client = observer("3.13")
    arguments: Table = {"x-expires": Field("I", 60_000), "l": Field("A", [Field("S", b"a"), Field("b", 1)])}
    client.send(1, Queue.Declare(queue="tasks", durable=True, arguments=arguments, nowait=True))
    client.send(1, Queue.Declare(queue="tasks", durable=True, arguments=arguments, nowait=True))
    client.send(1, Queue.Delete(queue="tasks", nowait=True))
    created = {
        "user_who_performed_action": "guest",
        "exclusive": False,
        "owner_pid": "",
        "arguments": ['{<<"x-expires">>,signedint,60000}', '{<<"l">>,array,[{longstr,<<"a">>},{byte,1}]}'],
        "auto_delete": False,
        "durable": True,
        "name": "tasks",
        "vhost": "/",
    }
    deleted = {"user_who_performed_action": "guest", "name": "tasks", "vhost": "/"}
    assert events(client) == [("queue.created", created), ("queue.deleted", deleted)]


def test_since_4_its_type_and_place_are_told() -> None:
    client = observer("4.2")
    client.send(1, Queue.Declare(queue="tasks", durable=True, nowait=True))
    client.send(1, Queue.Delete(queue="tasks", nowait=True))
    (_, created), (_, deleted) = events(client)
    assert created["type"] == deleted["type"] == "rabbit_classic_queue"
    assert (created["leader"], created["members"]) == ("rabbit@localhost", ["rabbit@localhost"])


def test_an_exclusive_queue_names_its_connection() -> None:
    client = observer()
    other = opened(client.server)
    other.send(1, Queue.Declare(queue="own", exclusive=True, nowait=True))
    told = {kind: headers for kind, headers in events(client)}
    assert told["queue.created"]["exclusive"] is True
    assert told["queue.created"]["owner_pid"] == told["connection.created"]["pid"]


@pytest.mark.parametrize("kind", ["quorum", "stream"])
def test_a_queue_of_another_type_says_so(kind: str) -> None:
    client = observer("3.13")
    arguments = from_python({"x-queue-type": kind}).value
    client.send(1, Queue.Declare(queue="tasks", durable=True, arguments=arguments, nowait=True))
    ((_, created),) = events(client)
    assert created["type"] == f"rabbit_{kind}_queue"
    assert "owner_pid" not in created


def test_an_exchange_is_declared_bound_and_deleted() -> None:
    client = observer()
    arguments = from_python({"alternate-exchange": "else"}).value
    declare_exchange(client, "logs", "topic", arguments=arguments)
    client.send(1, Exchange.Bind(destination="amq.fanout", source="logs", routing_key="a.*", nowait=True))
    client.send(1, Exchange.Delete(exchange="logs", nowait=True))
    created = {
        "user_who_performed_action": "guest",
        "policy": "",
        "arguments": ['{<<"alternate-exchange">>,longstr,<<"else">>}'],
        "internal": False,
        "auto_delete": False,
        "durable": False,
        "type": "topic",
        "name": "logs",
        "vhost": "/",
    }
    binding = {
        "user_who_performed_action": "guest",
        "vhost": "/",
        "arguments": [],
        "routing_key": "a.*",
        "destination_kind": "exchange",
        "destination_name": "amq.fanout",
        "source_kind": "exchange",
        "source_name": "logs",
    }
    deleted = {"user_who_performed_action": "guest", "name": "logs", "vhost": "/"}
    assert events(client) == [
        ("exchange.created", created),
        ("binding.created", binding),
        ("exchange.deleted", deleted),
        ("binding.deleted", binding),
    ]


def test_binding_the_same_again_is_no_news() -> None:
    client = observer()
    for _ in range(2):
        bind(client, "amq.topic", "news", "key")
    assert kinds(client) == ["binding.created"]
    for _ in range(2):
        client.send(1, Queue.Unbind(queue="news", exchange="amq.topic", routing_key="key"))
    assert kinds(client) == ["binding.deleted"]


def test_an_auto_delete_exchange_goes_before_its_last_binding() -> None:
    client = observer()
    declare_exchange(client, "short", auto_delete=True)
    bind(client, "short", "news")
    events(client)
    client.send(1, Queue.Unbind(queue="news", exchange="short"))
    assert kinds(client) == ["exchange.deleted", "binding.deleted"]


def test_with_a_queue_go_its_consumers_and_bindings() -> None:
    client = observer()
    client.send(1, Queue.Declare(queue="tasks", nowait=True))
    bind(client, "amq.topic", "tasks", "key")
    consume(client, "ctag")
    events(client)
    client.send(1, Queue.Delete(queue="tasks", nowait=True))
    told = [(kind, headers["user_who_performed_action"]) for kind, headers in events(client)]
    assert told == [("consumer.deleted", "guest"), ("binding.deleted", "rmq-internal"), ("queue.deleted", "guest")]


# Consumers


def test_a_consumer_comes_and_goes() -> None:
    client = observer()
    client.send(1, Basic.Qos(prefetch_count=7))
    arguments: Table = {"x-priority": Field("b", 3)}
    client.send(1, Queue.Declare(queue="tasks", nowait=True))
    events(client)
    consume(client, "ctag", arguments=arguments)
    client.send(1, Basic.Cancel(consumer_tag="ctag"))
    (created, came), (deleted, went) = events(client)
    assert (created, deleted) == ("consumer.created", "consumer.deleted")
    assert came == {
        "user_who_performed_action": "guest",
        "arguments": ['{<<"x-priority">>,byte,3}'],
        "prefetch_count": 7,
        "queue": "tasks",
        "vhost": "/",
        "channel": went["channel"],
        "ack_required": True,
        "exclusive": False,
        "consumer_tag": "ctag",
    }
    assert set(went) == {"user_who_performed_action", "queue", "vhost", "channel", "consumer_tag"}


def test_a_consumer_of_the_events_themselves_hears_of_itself() -> None:
    client = observer()
    consume(client, "ctag", name="news", no_ack=True)
    client.advance(0)
    client.vhost.count_up()
    assert client.vhost.queues["news"].counters.deliver_no_ack == 1


def test_a_consumer_of_replies_is_no_news() -> None:
    client = observer()
    consume(client, "ctag", name="amq.rabbitmq.reply-to", no_ack=True)
    assert events(client) == []


# Connections and channels


def test_a_connection_comes_and_goes() -> None:
    client = observer("3.13")
    name = from_python({"connection_name": "anna's"}).value
    other = WireClient(client.server).connect(client_properties=name, heartbeat_s=17, channel_max=9)
    (logged_in, login), (created, came) = events(client)
    assert (logged_in, created) == ("user.authentication.success", "connection.created")
    assert (login["name"], login["auth_mechanism"], login["connection_type"]) == ("guest", "PLAIN", "network")
    assert came["client_properties"] == ['{<<"connection_name">>,longstr,<<"anna\'s">>}']
    assert (came["timeout"], came["channel_max"], came["frame_max"]) == (17, 9, 131_072)
    assert (came["user"], came["vhost"], came["user_provided_name"]) == ("guest", "/", "anna's")
    assert came["connected_at"] == client.clock.unix_ms()
    other.send(0, Connection.Close())
    ((closed, went),) = events(client)
    assert closed == "connection.closed"
    assert {name: came[name] for name in went} == went


CERTIFICATE = CertificateFacts("CN=anna", "CN=ca", "2020-01-01T00:00:00Z - 2049-12-31T23:59:59Z", "7")
TLS = TlsFacts("tlsv1.3", "any", "aes_256_gcm", "aead", CERTIFICATE)


def test_what_tls_was_agreed_upon_is_told_and_who_the_client_is() -> None:
    client = observer()
    WireClient(client.server, tls=TLS).connect()
    (_, authenticated), (_, created) = events(client)
    suite = {"ssl": True, "ssl_protocol": "tlsv1.3", "ssl_cipher": "aes_256_gcm"}
    shown = {
        "peer_cert_subject": CERTIFICATE.subject,
        "peer_cert_issuer": CERTIFICATE.issuer,
        "peer_cert_validity": CERTIFICATE.validity,
    }
    assert suite.items() | shown.items() <= authenticated.items()
    assert suite.items() | shown.items() <= created.items()
    assert (created["ssl_key_exchange"], created["ssl_hash"]) == ("any", "aead")
    assert created["peer_cert_serial_number"] == "7"


def test_a_client_without_a_certificate_has_empty_places_for_it() -> None:
    client = observer()
    WireClient(client.server, tls=replace(TLS, peer_certificate=None)).connect()
    (_, authenticated), (_, created) = events(client)
    assert (created["ssl"], created["peer_cert_subject"], created["peer_cert_validity"]) == (True, "", "")
    assert not any(name.startswith("peer_cert") for name in authenticated)


def test_nobody_who_is_refused_has_no_name() -> None:
    client = observer()
    other = WireClient(
        client.server, tls=replace(TLS, peer_certificate=None), logins={"EXTERNAL": ("", "no name found")}
    )
    other.feed(b"AMQP\0\0\x09\x01")
    other.send(0, Connection.StartOk(mechanism="EXTERNAL", response=b""))
    (failure, headers), _ = events(client)
    assert (failure, headers["error"]) == ("user.authentication.failure", [*b"no name found"])
    assert "name" not in headers


@pytest.mark.parametrize(("profile", "tells"), [("3.13", False), ("4.2", True)])
def test_a_certificates_number_has_its_place_since_4_2(profile: str, tells: bool) -> None:
    client = observer(profile)
    WireClient(client.server).connect()
    _, (_, created) = events(client)
    assert ("peer_cert_serial_number" in created) is tells


@pytest.mark.parametrize(
    ("end", "host"),
    [
        (("127.0.0.1", 50_000), "{127,0,0,1}"),
        (("::1", 50_000), "{0,0,0,0,0,0,0,1}"),
        (("fe80::1%eth0", 50_000), "{65152,0,0,0,0,0,0,1}"),
        (None, ""),
    ],
)
def test_addresses_are_erlangs(end: tuple[str, int] | None, host: str) -> None:
    client = observer()

    class Connected:
        def facts(self) -> ConnectionFacts:
            return ConnectionFacts("a -> b", end, end, 0, "PLAIN", {}, 60, 131_072, 2_047)

    client.broker.events.user_authenticated(Connected(), "anna")
    ((_, headers),) = events(client)
    assert (headers["host"], headers["peer_host"], headers["connection_name"]) == (host, host, "a -> b")
    assert headers["peer_port"] == (end[1] if end is not None else 0)


@pytest.mark.parametrize(
    ("user", "from_loopback", "error"),
    [("guest", True, "user 'guest' - invalid credentials"), ("nobody", True, "user 'nobody' - invalid credentials")],
)
def test_a_refused_login_is_told_as_codes_of_characters(user: str, from_loopback: bool, error: str) -> None:
    client = observer()
    other = WireClient(client.server, from_loopback=from_loopback)
    other.feed(b"AMQP\0\0\x09\x01")
    other.send(0, start_ok(user, "wrong"))
    (failure, headers), (closed, _) = events(client)
    assert (failure, closed) == ("user.authentication.failure", "connection.closed")
    assert headers["error"] == [*error.encode()]
    assert headers["name"] == user


def test_who_may_come_from_this_machine_only_is_refused_elsewhere() -> None:
    client = observer()
    other = WireClient(client.server, from_loopback=False)
    other.feed(b"AMQP\0\0\x09\x01")
    other.send(0, start_ok())
    (_, headers), _ = events(client)
    assert headers["error"] == [*b"user 'guest' can only connect via localhost"]


def test_a_refused_virtual_host_closes_the_connection() -> None:
    client = observer()
    other = WireClient(client.server)
    other.feed(b"AMQP\0\0\x09\x01")
    other.send(0, start_ok())
    other.send(0, Connection.TuneOk(channel_max=9, frame_max=131_072), Connection.Open(virtual_host="nowhere"))
    assert kinds(client) == ["user.authentication.success", "connection.closed"]


def test_a_channel_comes_and_goes() -> None:
    client = observer("4.2")
    other = WireClient(client.server).connect()
    _, (_, connection) = events(client)
    other.open_channel(5)
    other.send(5, Queue.Declare(queue="tasks", exclusive=True, nowait=True))
    consume(other, "ctag", channel=5)
    other.send(5, Channel.Close())
    told = events(client)
    ((_, created),) = [one for one in told if one[0] == "channel.created"]
    assert (created["number"], created["connection"], created["name"]) == (5, connection["pid"], " (5)")
    ((_, went),) = [one for one in told if one[0] == "channel.closed"]
    assert went == {"consumer_count": 1, "user_who_performed_action": "guest", "pid": created["pid"]}


def test_before_4_a_closed_channel_does_not_count_its_consumers() -> None:
    client = observer("3.13", "channel.closed")
    opened(client.server).send(1, Channel.Close())
    ((_, went),) = events(client)
    assert set(went) == {"user_who_performed_action", "pid"}


def test_what_a_lost_connection_leaves_behind_is_the_brokers_own_doing() -> None:
    client = observer()
    other = opened(client.server)
    other.send(1, Queue.Declare(queue="own", exclusive=True, nowait=True))
    bind(other, "amq.topic", "own", "key")
    consume(other, "ctag", name="own")
    events(client)
    other.vanish()
    told = [(kind, headers.get("user_who_performed_action")) for kind, headers in events(client)]
    assert told == [
        ("consumer.deleted", "rmq-internal"),
        ("channel.closed", "guest"),
        ("binding.deleted", "rmq-internal"),
        ("queue.deleted", "rmq-internal"),
        ("connection.closed", None),
    ]


# Policies and parameters


def test_a_policy_is_told_after_the_queues_that_it_changes() -> None:
    client = observer("4.2", "#.policy.#")
    client.send(1, Queue.Declare(queue="tasks", durable=True, nowait=True))
    parameters = client.vhost.parameters
    definition = {"max-length": 5, "overflow": "reject-publish"}
    parameters.set_policy("short", {"pattern": "^t", "definition": definition, "priority": 2}, user="anna")
    parameters.clear_policy("short", user="anna")
    terms = {"apply-to": "all", "priority": 2, "definition": definition, "pattern": "^t"}
    policy = {"user_who_performed_action": "anna", "vhost": "/", "name": "short"}
    queue = policy | {"name": "tasks", "type": "rabbit_classic_queue"}
    assert events(client) == [
        ("queue.policy.updated", terms | queue),
        ("policy.set", terms | policy),
        ("queue.policy.cleared", queue),
        ("policy.cleared", policy),
    ]


def test_an_operator_policy_is_a_parameter_too() -> None:
    client = observer()
    client.vhost.parameters.set_policy("short", {"pattern": "^t", "definition": {"max-length": 5}}, for_operators=True)
    client.vhost.parameters.clear("operator_policy", "short")
    (first, value), second, third, fourth = events(client)
    assert (first, value["component"]) == ("parameter.set", "operator_policy")
    assert value["value"] == {"apply-to": "all", "priority": 0, "definition": {"max-length": 5}, "pattern": "^t"}
    assert [kind for kind, _ in (second, third, fourth)] == [
        "policy.set",
        "parameter.cleared",
        "operator.policy.cleared",
    ]


def test_a_policy_that_is_set_again_as_it_is_is_no_news() -> None:
    client = observer()
    for _ in range(2):
        client.vhost.parameters.set_policy("short", {"pattern": "^t", "definition": {"max-length": 5}})
    assert kinds(client) == ["policy.set"]


def test_limits_are_parameters() -> None:
    client = observer()
    client.vhost.parameters.set_limit("max-queues", 50, "anna")
    client.vhost.parameters.clear_limit("max-queues", "anna")
    client.vhost.parameters.clear("vhost-limits", "limits", "anna")
    user = {"user_who_performed_action": "anna"}
    parameter = user | {"name": "limits", "component": "vhost-limits", "vhost": "/"}
    limits = user | {"name": "limits"}
    assert events(client) == [
        ("parameter.set", parameter | {"value": {"max-queues": 50}}),
        ("vhost.limits.set", limits | {"max-queues": 50}),
        ("parameter.set", parameter | {"value": []}),
        ("vhost.limits.set", limits),
        ("parameter.cleared", parameter),
        ("vhost.limits.cleared", limits),
    ]


def test_an_exchange_names_its_policy() -> None:
    client = observer("4.2", "exchange.created")
    client.vhost.parameters.set_policy("lost", {"pattern": "^logs", "definition": {"alternate-exchange": "else"}})
    declare_exchange(client, "logs")
    ((_, created),) = events(client)
    assert created["policy"] == "lost"


# Alarms, and whatever else


def test_alarms_are_told() -> None:
    client = observer()
    client.broker.raise_alarm(MEMORY)
    client.broker.raise_alarm(MEMORY)
    client.broker.clear_alarm(MEMORY)
    about = {"node": "rabbit@localhost", "source": "memory"}
    assert events(client) == [("alarm.set", about), ("alarm.cleared", about)]


def test_what_is_in_a_virtual_host_is_told_before_it_goes() -> None:
    client = observer()
    vhost = client.broker.create_vhost("v")
    vhost.new_queue("tasks", durable=True, auto_delete=False, owner=None, arguments={})
    vhost.parameters.set_policy("short", {"pattern": "x", "definition": {"max-length": 1}})
    events(client)
    client.broker.delete_vhost("v", "guest")
    told = kinds(client)
    assert told[0] == "queue.deleted"
    assert told[1:-2] == ["exchange.deleted"] * 7
    assert told[-2:] == ["policy.cleared", "vhost.deleted"]


def test_nothing_is_told_when_the_exchange_is_gone_with_its_virtual_host() -> None:
    client = observer()
    client.broker.create_vhost("other")
    client.broker.delete_vhost("/")
    assert not client.broker.events.are_heard
    client.broker.delete_vhost("other")


def test_values_have_the_types_that_rabbitmq_gives_them() -> None:
    client = observer()
    value = {"flag": True, "count": 3, "share": 0.5, "names": ["a"], "more": {"deep": "b"}}
    client.broker.events.tell("parameter.set", value)
    assert events(client) == [("parameter.set", value)]
    with pytest.raises(TypeError, match="no place in an event"):
        client.broker.events.tell("parameter.set", {"value": object()})


def test_all_virtual_hosts_tell_in_one() -> None:
    client = observer()
    client.broker.add_vhost("other")
    allow(client.broker, "guest", "other")
    other = WireClient(client.server).connect(vhost="other").open_channel(1)
    events(client)
    other.send(1, Queue.Declare(queue="tasks", nowait=True))
    ((_, created),) = events(client)
    assert created["vhost"] == "other"
    assert "tasks" not in client.vhost.queues


def test_events_of_a_server_have_its_name_and_are_told_apart() -> None:
    server = MemoryServer()
    told = Events(server.broker.profile, server.clock, server.broker.announcer, "rabbit@here")
    things = [server, server.broker]
    first, second = map(told._process, things)
    assert first.startswith("<rabbit@here.") and first.endswith(".1.0>")
    assert [told._process(thing) for thing in things] == [first, second]
    assert first != second
