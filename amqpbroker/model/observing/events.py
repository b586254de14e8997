"""amq.rabbitmq.event: what happens to connections, queues, bindings and the rest, as messages without a body.

The headers are those of RabbitMQ's event exchange, in its order: what Erlang prints of a thing where AMQP has no type
for it, process identifiers among that. Nothing is put together while nobody is bound to the exchange.

Source: RabbitMQ's `rabbit_exchange_type_event` and whoever calls `rabbit_event:notify`; docs/behaviour/observing.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakKeyDictionary

from amqpbroker.model.binding import Binding
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.observing.access_events import AccessEvents
from amqpbroker.model.observing.announcer import Announcer
from amqpbroker.model.observing.tls_facts import CertificateFacts, TlsFacts
from amqpbroker.model.ports import Clock
from amqpbroker.profiles import Profile
from amqpbroker.wire import erlang
from amqpbroker.wire.properties import PERSISTENT, Properties
from amqpbroker.wire.tables import Field, Table, text

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.policies.policy import Policy
    from amqpbroker.model.queue import Queue
    from amqpbroker.model.vhost import VirtualHost

EVENT_EXCHANGE: Final = "amq.rabbitmq.event"
_QUEUE_TYPES: Final = {"quorum": "rabbit_quorum_queue", "stream": "rabbit_stream_queue"}


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What events tell of a connection.

    name: `127.0.0.1:50000 -> 127.0.0.1:5672`. here, peer: address and port of the two ends; None: no TCP.
    connected_at_ms: Unix time. heartbeat_s, frame_max_bytes, channel_max: as agreed upon. tls: None, it has none.
    """

    name: str
    here: tuple[str, int] | None
    peer: tuple[str, int] | None
    connected_at_ms: int
    mechanism: str
    client_properties: Table
    heartbeat_s: int
    frame_max_bytes: int
    channel_max: int
    tls: TlsFacts | None = None


class Connected(Protocol):
    """A connection, as far as events are about it."""

    def facts(self) -> ConnectionFacts:
        """What is to be told of it."""


class Events:
    """Tells those who are bound to amq.rabbitmq.event, which is in one virtual host and hears of all.

    access: tells of users, virtual hosts and what is allowed in them.
    """

    def __init__(self, profile: Profile, clock: Clock, announcer: Announcer, node_name: str) -> None:
        self._profile = profile
        self._clock = clock
        self._announcer = announcer
        self._node_name = node_name
        self.access = AccessEvents(self.tell, node_name)
        self._creation_s = clock.unix_ms() // 1000
        self._vhost: VirtualHost | None = None
        self._exchange: Exchange | None = None
        # Process identifiers are numbered when they are told first.
        self._processes: WeakKeyDictionary[object, str] = WeakKeyDictionary()
        self._process_count = 0

    def begin(self, vhost: "VirtualHost") -> None:
        """From now on events are told, through an exchange of that virtual host: those of a start are nobody's news."""
        self._vhost = vhost
        self._exchange = vhost.declare_own(EVENT_EXCHANGE)

    def end(self, vhost: "VirtualHost") -> None:
        """The virtual host is no more; if it was the one that events are told in, nothing is told any more."""
        if vhost is self._vhost:
            self._vhost = self._exchange = None

    @property
    def are_heard(self) -> bool:
        """Whether anybody is bound."""
        return self._exchange is not None and bool(self._exchange.bindings)

    def tell(self, kind: str, values: Mapping[str, object]) -> None:
        """Publishes an event to whoever is bound. kind: its routing key. values: texts, numbers, truths, lists."""
        if not self.are_heard:
            return
        assert self._vhost is not None
        unix_ms = self._clock.unix_ms()
        headers = {name: _field(value) for name, value in values.items()}
        headers["timestamp_in_ms"] = Field("l", unix_ms)
        properties = Properties(headers=headers, delivery_mode=PERSISTENT, timestamp=unix_ms // 1000)
        self._announcer.publish(self._vhost, EVENT_EXCHANGE, kind, properties, b"")

    # Connections and channels

    def connection_created(self, connection: Connected, vhost: str, user: str) -> None:
        """connection.open was answered."""
        if not self.are_heard:
            return
        facts = connection.facts()
        values: dict[str, object] = {
            "user_who_performed_action": user,
            "node": self._node_name,
            "connected_at": facts.connected_at_ms,
            "client_properties": erlang.entries(facts.client_properties),
            "channel_max": facts.channel_max,
            "frame_max": facts.frame_max_bytes,
            "timeout": facts.heartbeat_s,
            "vhost": vhost,
            "user": user,
            "protocol": "{0,9,1}",
            **_suite(facts.tls),
            "auth_mechanism": facts.mechanism,
            **self._certificate(facts.tls),
            "ssl": facts.tls is not None,
            "peer_host": _host(facts.peer),
            "host": _host(facts.here),
            "peer_port": _port(facts.peer),
            "port": _port(facts.here),
            "name": facts.name,
            "pid": self._process(connection),
            "type": "network",
        }
        self.tell("connection.created", values | _provided_name(facts))

    def connection_closed(self, connection: Connected) -> None:
        """A connection is no more."""
        if not self.are_heard:
            return
        facts = connection.facts()
        values: dict[str, object] = {
            "client_properties": erlang.entries(facts.client_properties),
            "node": self._node_name,
            "pid": self._process(connection),
            "name": facts.name,
        }
        self.tell("connection.closed", values | _provided_name(facts))

    def user_authenticated(self, connection: Connected, name: str, error: str | None = None) -> None:
        """Somebody has logged in; or has not, and why."""
        if not self.are_heard:
            return
        facts = connection.facts()
        outcome: dict[str, object] = {}
        if error is not None:
            # A text of Erlang's is a list of characters.
            outcome["error"] = [*error.encode("utf-8", "surrogateescape")]
        tls = facts.tls
        if tls is not None:
            if (shown := tls.peer_certificate) is not None:
                outcome |= {"peer_cert_validity": shown.validity, "peer_cert_subject": shown.subject}
                outcome["peer_cert_issuer"] = shown.issuer
            outcome |= {"ssl_cipher": tls.cipher, "ssl_protocol": tls.protocol}
        values = outcome | {
            "ssl": tls is not None,
            "auth_mechanism": facts.mechanism,
            "protocol": "{0,9,1}",
            "peer_port": _port(facts.peer),
            "peer_host": _host(facts.peer),
            "connection_name": facts.name,
            "host": _host(facts.here),
            # Nobody: a certificate that names no user, or none at all.
            **({"name": name} if name else {}),
            "connection_type": "network",
        }
        self.tell(f"user.authentication.{'success' if error is None else 'failure'}", values)

    def channel_created(self, channel: object, number: int, connection: Connected, vhost: str, user: str) -> None:
        """channel.open was answered."""
        if not self.are_heard:
            return
        values: dict[str, object] = {
            "user_who_performed_action": user,
            "vhost": vhost,
            "user": user,
            "number": number,
            "connection": self._process(connection),
            "name": f"{connection.facts().name} ({number})",
            "pid": self._process(channel),
        }
        self.tell("channel.created", values)

    def channel_closed(self, channel: object, consumer_count: int, user: str) -> None:
        """A channel is no more. consumer_count: as many consumers it had."""
        if not self.are_heard:
            return
        counted = {"consumer_count": consumer_count} if self._profile.series >= (4, 0) else {}
        self.tell("channel.closed", {**counted, "user_who_performed_action": user, "pid": self._process(channel)})

    # Exchanges, queues, bindings

    def exchange_created(self, vhost: str, exchange: Exchange, policy: "Policy | None", user: str) -> None:
        """A new exchange was taken in. policy: the one that it has."""
        if not self.are_heard:
            return
        self.tell(
            "exchange.created",
            {
                "user_who_performed_action": user,
                "policy": policy.name if policy is not None else "",
                "arguments": erlang.entries(exchange.arguments),
                "internal": exchange.internal,
                "auto_delete": exchange.auto_delete,
                "durable": exchange.durable,
                "type": exchange.type,
                "name": exchange.name,
                "vhost": vhost,
            },
        )

    def exchange_deleted(self, vhost: str, name: str, user: str) -> None:
        """An exchange is no more."""
        self.tell("exchange.deleted", {"user_who_performed_action": user, "name": name, "vhost": vhost})

    def queue_created(self, vhost: str, queue: "Queue", user: str) -> None:
        """A new queue was taken in."""
        if not self.are_heard:
            return
        kind = _queue_type(queue)
        values: dict[str, object] = {}
        if kind != "rabbit_classic_queue" or self._profile.series >= (4, 0):
            values["type"] = kind
        if kind == "rabbit_classic_queue" and self._profile.series >= (4, 1):
            values |= {"members": [self._node_name], "leader": self._node_name}
        values |= {"user_who_performed_action": user, "exclusive": queue.owner is not None}
        if kind == "rabbit_classic_queue":
            values["owner_pid"] = "" if queue.owner is None else self._process(queue.owner)
        values |= {
            "arguments": erlang.entries(queue.arguments),
            "auto_delete": queue.auto_delete,
            "durable": queue.durable,
            "name": queue.name,
            "vhost": vhost,
        }
        self.tell("queue.created", values)

    def queue_deleted(self, vhost: str, queue: "Queue", user: str) -> None:
        """A queue is no more."""
        if not self.are_heard:
            return
        values: dict[str, object] = {"user_who_performed_action": user, "name": queue.name, "vhost": vhost}
        if self._profile.series >= (4, 0):
            values["type"] = _queue_type(queue)
        self.tell("queue.deleted", values)

    def binding_created(self, vhost: str, binding: Binding, user: str) -> None:
        """A new binding."""
        self._tell_binding("binding.created", vhost, binding, user)

    def binding_deleted(self, vhost: str, binding: Binding, user: str) -> None:
        """A binding is no more."""
        self._tell_binding("binding.deleted", vhost, binding, user)

    def _tell_binding(self, kind: str, vhost: str, binding: Binding, user: str) -> None:
        if not self.are_heard:
            return
        self.tell(
            kind,
            {
                "user_who_performed_action": user,
                "vhost": vhost,
                "arguments": erlang.entries(dict(sorted(binding.arguments.items()))),
                "routing_key": binding.routing_key,
                "destination_kind": binding.destination.kind,
                "destination_name": binding.destination.name,
                "source_kind": "exchange",
                "source_name": binding.source,
            },
        )

    # Consumers

    def consumer_created(self, vhost: str, consumer: "Consumer", user: str) -> None:
        """basic.consume was answered."""
        if not self.are_heard:
            return
        self.tell(
            "consumer.created",
            {
                "user_who_performed_action": user,
                "arguments": erlang.entries(consumer.arguments),
                "prefetch_count": consumer.prefetch,
                **self._consumer(vhost, consumer),
                "ack_required": not consumer.no_ack,
                "exclusive": consumer.exclusive,
                "consumer_tag": consumer.tag,
            },
        )

    def consumer_deleted(self, vhost: str, consumer: "Consumer", user: str) -> None:
        """A consumer was cancelled, by whomever."""
        if not self.are_heard:
            return
        values = {"user_who_performed_action": user, **self._consumer(vhost, consumer), "consumer_tag": consumer.tag}
        self.tell("consumer.deleted", values)

    def _consumer(self, vhost: str, consumer: "Consumer") -> dict[str, object]:
        return {"queue": consumer.queue.name, "vhost": vhost, "channel": self._process(consumer.sink)}

    # Policies and other parameters

    def policy_set(self, vhost: str, policy: "Policy", user: str) -> None:
        """A policy, or an operator policy, holds from now on."""
        about = {"user_who_performed_action": user, "vhost": vhost, "name": policy.name}
        self.tell("policy.set", _terms(policy) | about)

    def policy_cleared(self, vhost: str, name: str, user: str, *, for_operators: bool) -> None:
        """A policy, or an operator policy, is forgotten."""
        kind = "operator.policy.cleared" if for_operators else "policy.cleared"
        self.tell(kind, {"user_who_performed_action": user, "vhost": vhost, "name": name})

    def queue_policy_changed(self, vhost: str, queue: "Queue", policy: "Policy | None", user: str) -> None:
        """Another policy than before is a queue's. policy: the one that was set; None: it was cleared."""
        if not self.are_heard:
            return
        kind = _queue_type(queue)
        about = {"user_who_performed_action": user, "type": kind, "vhost": vhost, "name": queue.name}
        if policy is None:
            self.tell("queue.policy.cleared", about)
        else:
            self.tell("queue.policy.updated", _terms(policy) | about)

    def parameter_set(self, vhost: str, component: str, name: str, value: object, user: str) -> None:
        """A parameter of a virtual host has another value."""
        about = {"user_who_performed_action": user, "value": value, "name": name, "component": component}
        self.tell("parameter.set", about | {"vhost": vhost})

    def parameter_cleared(self, vhost: str, component: str, name: str, user: str) -> None:
        """A parameter of a virtual host is forgotten."""
        about = {"user_who_performed_action": user, "name": name, "component": component, "vhost": vhost}
        self.tell("parameter.cleared", about)

    def vhost_limits_set(self, limits: Mapping[str, int], user: str) -> None:
        """The limits of a virtual host are these. RabbitMQ does not say of which."""
        self.tell("vhost.limits.set", {**limits, "user_who_performed_action": user, "name": "limits"})

    def vhost_limits_cleared(self, user: str) -> None:
        """A virtual host has no limits any more."""
        self.tell("vhost.limits.cleared", {"user_who_performed_action": user, "name": "limits"})

    # Alarms

    def alarm_set(self, resource: str) -> None:
        """Publishers are held back. resource: memory or disk."""
        self.tell("alarm.set", {"node": self._node_name, "source": resource})

    def alarm_cleared(self, resource: str) -> None:
        """The resource is there again."""
        self.tell("alarm.cleared", {"node": self._node_name, "source": resource})

    def _certificate(self, tls: TlsFacts | None) -> dict[str, object]:
        shown = (tls.peer_certificate if tls is not None else None) or CertificateFacts("", "", "", "")
        since_4_2 = {"peer_cert_serial_number": shown.serial_number} if self._profile.series >= (4, 2) else {}
        about = {"peer_cert_issuer": shown.issuer, "peer_cert_subject": shown.subject}
        return {"peer_cert_validity": shown.validity, **since_4_2, **about}

    def _process(self, thing: object) -> str:
        """What stands for Erlang's process identifier: the same for one thing, and no other's."""
        known = self._processes.get(thing)
        if known is None:
            self._process_count += 1
            known = f"<{self._node_name}.{self._creation_s}.{self._process_count}.0>"
            self._processes[thing] = known
        return known


def _field(value: object) -> Field:
    """A value in the type that RabbitMQ gives it."""
    match value:
        case bool():
            return Field("t", value)
        case int():
            return Field("l", value)
        case str():
            return Field("S", value.encode("utf-8", "surrogateescape"))
        case float():
            return Field("f", value)
        case None:
            return Field("S", b"null")
        case Mapping():
            # To Erlang an empty object is an empty list.
            return Field("F", {name: _field(item) for name, item in value.items()}) if value else Field("A", [])
        case Sequence():
            return Field("A", [_field(item) for item in value])
    raise TypeError(f"{value!r} has no place in an event")


def _terms(policy: "Policy") -> dict[str, object]:
    """What a policy says."""
    return {
        "apply-to": policy.apply_to,
        "priority": policy.priority,
        "definition": policy.definition,
        "pattern": policy.pattern,
    }


def _queue_type(queue: "Queue") -> str:
    kind = queue.arguments.get("x-queue-type")
    return _QUEUE_TYPES.get(text(kind) if kind is not None else "", "rabbit_classic_queue")


def _host(end: tuple[str, int] | None) -> str:
    """An address as Erlang prints it: `{127,0,0,1}`."""
    if end is None:
        return ""
    address = ip_address(end[0].partition("%")[0])
    size = 1 if address.version == 4 else 2
    numbers = [int.from_bytes(address.packed[at : at + size], "big") for at in range(0, len(address.packed), size)]
    return f"{{{','.join(map(str, numbers))}}}"


def _port(end: tuple[str, int] | None) -> int:
    return 0 if end is None else end[1]


def _suite(tls: TlsFacts | None) -> dict[str, object]:
    """What was agreed upon; each is empty without TLS."""
    suite = tls or TlsFacts("", "", "", "")
    return {
        "ssl_hash": suite.hash,
        "ssl_cipher": suite.cipher,
        "ssl_key_exchange": suite.key_exchange,
        "ssl_protocol": suite.protocol,
    }


def _provided_name(facts: ConnectionFacts) -> dict[str, object]:
    """What the client calls the connection, if it does."""
    name = facts.client_properties.get("connection_name")
    return {} if name is None or name.kind != "S" else {"user_provided_name": text(name)}
