"""Entries of the inbox as JSON has them: what people and `amqpbroker tail` read."""

import base64
import codecs
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.management.formats.field_tables import json_table
from amqpbroker.management.inbox.entry import Entry
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.explaining import Step, explain
from amqpbroker.model.message import split_address
from amqpbroker.wire import properties
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import texts

if TYPE_CHECKING:
    from amqpbroker.model.broker import Broker

# Of a body so much is shown in lists, unless more is asked for.
BODY_SHOWN_BYTES: Final = 4_096
STEPS_MAX: Final = 20
_KNOWN_MAX: Final = 1_000
_DELAYED_TYPE: Final = "x-delayed-message"
_PROPERTY_NAMES: Final = tuple(one.name for one in fields(Properties) if one.name != "headers")

Why = tuple[list[dict[str, Any]], bool]


class Showing:
    """Keeps the reasons that it has found as long as the topology stands."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._whys: dict[tuple[str, int, bytes, bytes], Why] = {}

    def shown(self, entry: Entry, body_max_bytes: int = BODY_SHOWN_BYTES) -> dict[str, Any]:
        """The whole of an entry, but for what is beyond body_max_bytes of its body."""
        address, header, body, _ = entry.message
        exchange, routing_key = split_address(address)
        try:
            values = properties.decode(header)
        except properties.PropertiesError:  # of a publisher whom this does not disturb: see `Publisher.inspect`
            values = Properties()
        why, is_complete = self._why(entry, exchange, routing_key, values)
        client = entry.client
        text, encoding = text_of(body[:body_max_bytes], is_whole=len(body) <= body_max_bytes)
        return {
            "id": entry.id,
            "time_ms": entry.time_ms,
            "vhost": entry.vhost,
            "exchange": exchange,
            "routing_key": routing_key,
            "connection": client.connection if client is not None else None,
            "channel": client.channel if client is not None else None,
            "user": client.user if client is not None else None,
            "outcome": self._outcome(entry, exchange, values),
            "queues": list(entry.states),
            "queue_count": entry.queue_count,
            "states": dict(entry.states),
            "reasons": dict(entry.reasons),
            "why": why,
            "why_is_complete": is_complete,
            "size_bytes": entry.body_size_bytes,
            "properties": properties_shown(values),
            "headers": json_table(values.headers or {}),
            "body": text,
            "body_encoding": encoding,
            "body_truncated": min(len(body), body_max_bytes) < entry.body_size_bytes,
        }

    def _outcome(self, entry: Entry, exchange: str, values: Properties) -> str:
        """What became of it at once: routed, forwarded (by the broker itself), returned, delayed, or unroutable."""
        if entry.queue_count:
            return "routed" if entry.client is not None else "forwarded"
        if entry.is_returned:
            return "returned"
        found = self._exchange(entry, exchange)
        is_delayed = found is not None and found.type == _DELAYED_TYPE and "x-delay" in (values.headers or {})
        return "delayed" if is_delayed else "unroutable"

    def _why(self, entry: Entry, exchange: str, routing_key: str, values: Properties) -> Why:
        found = self._exchange(entry, exchange)
        if found is None:
            return [], False
        vhost = self._broker.vhosts[entry.vhost]
        key = (entry.vhost, vhost.version, entry.message[0], properties.fate(entry.message[1])[0])
        known = self._whys.get(key)
        if known is None:
            keys = [routing_key, *texts(values.headers or {}, "CC")]
            told = explain(vhost, found, keys, values, STEPS_MAX)
            if len(self._whys) >= _KNOWN_MAX:
                self._whys.clear()
            known = self._whys[key] = ([step_shown(step) for step in told.steps], told.is_complete)
        steps, is_complete = known
        reached = [
            step for step in steps if step["destination_type"] == "exchange" or step["destination"] in entry.states
        ]
        return reached, is_complete and entry.version == vhost.version

    def _exchange(self, entry: Entry, name: str) -> Exchange | None:
        vhost = self._broker.vhosts.get(entry.vhost)
        return vhost.exchanges.get(name) if vhost is not None else None


def step_shown(step: Step) -> dict[str, Any]:
    """A step on a message's way; `routing_key` and `arguments` are those of the binding."""
    shown: dict[str, Any] = {
        "source": step.exchange,
        "destination": step.destination.name,
        "destination_type": step.destination.kind,
        "how": step.how,
    }
    if step.binding is not None:
        shown["routing_key"] = step.binding.routing_key
        shown["arguments"] = json_table(step.binding.arguments)
    return shown


def properties_shown(values: Properties) -> dict[str, Any]:
    """The properties that are there, but for the headers."""
    return {name: value for name in _PROPERTY_NAMES if (value := getattr(values, name)) is not None}


def text_of(octets: bytes, *, is_whole: bool = True) -> tuple[str, str]:
    """Octets as JSON has them, and what they are told in: `string` or `base64`. is_whole: False if more follows."""
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(octets, is_whole), "string"
    except UnicodeDecodeError:
        return base64.b64encode(octets).decode(), "base64"
