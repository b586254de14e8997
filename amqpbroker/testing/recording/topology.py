"""What is declared in a broker at a moment, what has come and gone since another one, and how that is done again.

Left out is what is no client's to declare again: exclusive queues, the server's own exchanges, users and permissions.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, Final

from amqpbroker.management.definitions.document import Entry, entries
from amqpbroker.management.definitions.export import (
    binding_entry,
    exchange_entry,
    policy_entry,
    queue_entry,
    vhost_entry,
)
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.broker import Broker
from amqpbroker.model.definitions import policy_content
from amqpbroker.model.policies.policy import Policy
from amqpbroker.model.vhost import VirtualHost

Json = dict[str, Any]
Key = tuple[str, Hashable]

_OPERATOR_POLICY: Final = "operator_policy"


def _parameter_entry(policy: Policy) -> Json:
    return {"component": _OPERATOR_POLICY, "name": policy.name, "value": policy_content(policy)}


# In the order in which an import needs them.
_KINDS: Final[dict[str, Callable[[Any], Json]]] = {
    "vhosts": vhost_entry,
    "policies": policy_entry,
    "parameters": _parameter_entry,
    "exchanges": exchange_entry,
    "queues": queue_entry,
    "bindings": binding_entry,
}


class Topology:
    """What is there now. versions: change with it, for a quick look whether anything has."""

    def __init__(self, broker: Broker) -> None:
        self.versions = versions_of(broker)
        self._things: dict[str, dict[Key, object]] = {kind: {} for kind in _KINDS}
        for host in broker.vhosts.values():
            for kind, name, thing in _things_of(host):
                self._things[kind][host.name, name] = thing

    def document(self) -> Json:
        """All of it, as definitions."""
        return self._document(self._things)

    def since(self, before: "Topology", *, is_restarted: bool) -> tuple[Json, Json]:
        """What has gone since, and what has come; what was made anew is in both.

        is_restarted: what is declared as it was is still the same, though nothing of it is.
        """
        gone = _lacking(before._things, self._things, is_restarted)
        came = _lacking(self._things, before._things, is_restarted)
        gone["bindings"] = {
            (vhost, binding): binding for (vhost, binding) in gone["bindings"] if self._has_ends(vhost, binding)
        }
        return self._document(gone), self._document(came)

    def _has_ends(self, vhost: str, binding: Hashable) -> bool:
        """Whether it went alone: with a queue or an exchange go its bindings."""
        assert isinstance(binding, Binding)
        kind, name = binding.destination
        source = binding.source.startswith("amq.") or (vhost, binding.source) in self._things["exchanges"]
        return source and (name.startswith("amq.") or (vhost, name) in self._things[f"{kind}s"])

    @staticmethod
    def _document(things: Mapping[str, Mapping[Key, object]]) -> Json:
        return {
            kind: [_with_vhost(kind, vhost, _KINDS[kind](thing)) for (vhost, _), thing in found.items()]
            for kind, found in things.items()
            if found
        }


def versions_of(broker: Broker) -> tuple[tuple[str, int], ...]:
    """Changes whenever anything is declared, deleted or bound."""
    return tuple((name, host.version) for name, host in broker.vhosts.items())


def _things_of(host: VirtualHost) -> Iterator[tuple[str, Hashable, object]]:
    yield "vhosts", host.name, host
    for policy in host.parameters.policies:
        yield "policies", policy.name, policy
    for policy in host.parameters.operator_policies:
        yield "parameters", policy.name, policy
    queues = {name: queue for name, queue in host.queues.items() if queue.owner is None}
    for name, queue in queues.items():
        yield "queues", name, queue
    for exchange in host.exchanges.values():
        if exchange.name and not exchange.name.startswith("amq."):
            yield "exchanges", exchange.name, exchange
        for binding in exchange.bindings:
            if binding.destination.kind == "exchange" or binding.destination.name in queues:
                yield "bindings", binding, binding


def _lacking(
    things: Mapping[str, Mapping[Key, object]], others: Mapping[str, Mapping[Key, object]], is_restarted: bool
) -> Any:
    """The things that are not among the others, or are others of the same name; a virtual host is its name."""

    def is_same(kind: str, thing: object, other: object) -> bool:
        return kind == "vhosts" or thing is other or (is_restarted and _KINDS[kind](thing) == _KINDS[kind](other))

    return {
        kind: {
            key: thing
            for key, thing in found.items()
            if key not in others[kind] or not is_same(kind, thing, others[kind][key])
        }
        for kind, found in things.items()
    }


def _with_vhost(kind: str, vhost: str, entry: Json) -> Json:
    return entry if kind == "vhosts" else {"vhost": vhost, **entry}


def delete(broker: Broker, document: Mapping[str, Any], user: str) -> None:
    """Deletes what a document names, as far as it is there. Raises DefinitionsError."""
    for entry in entries(document, "bindings"):
        if (host := _host(broker, entry)) is not None:
            kind = entry.text("destination_type")
            destination = Destination("queue" if kind == "queue" else "exchange", entry.text("destination"))
            host.unbind(Binding(entry.text("source"), destination, entry.text("routing_key"), entry.table()), user)
    for entry in entries(document, "queues"):
        if (host := _host(broker, entry)) is not None and (queue := host.queues.get(entry.text("name"))) is not None:
            host.delete_queue(queue, user)
    for entry in entries(document, "exchanges"):
        if (host := _host(broker, entry)) is not None:
            host.delete_exchange(entry.text("name"), user)
    for kind, for_operators in (("policies", False), ("parameters", True)):
        for entry in entries(document, kind):
            if (host := _host(broker, entry)) is not None:
                _clear_policy(host, entry.text("name"), for_operators, user)
    for entry in entries(document, "vhosts"):
        if entry.text("name") in broker.vhosts:
            broker.delete_vhost(entry.text("name"), user)


def _host(broker: Broker, entry: Entry) -> VirtualHost | None:
    return broker.vhosts.get(entry.text("vhost"))


def _clear_policy(host: VirtualHost, name: str, for_operators: bool, user: str) -> None:
    parameters = host.parameters
    if (parameters.operator_policies if for_operators else parameters.policies).get(name) is not None:
        parameters.clear_policy(name, for_operators=for_operators, user=user)
