"""What the broker of a test suite gives, as JSON has it."""

import base64
import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from amqpbroker.testing.inspection.history import Event, History
from amqpbroker.testing.inspection.message import Message
from amqpbroker.testing.inspection.why import Why
from amqpbroker.testing.linter.findings import Finding
from amqpbroker.testing.linter.rules import AmqpBrokerWarning

# What an event has beside its message.
_OF_EVENTS: Final = ("kind", "time", "vhost", "queues", "connection", "channel", "user", "consumer_tag", "reason")


def shown(value: Any) -> Any:
    """The same as texts, numbers, lists and objects. Octets that are no text are base64, in an object that says so."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return {"base64": base64.b64encode(value).decode()}
        case Message():
            return _message(value)
        case History():
            return {"dropped": value.dropped, "events": shown(value.events)}
        case Finding():
            return {**_fields(value), **_of_rule(value.rule), "text": str(value)}
        case Why():
            return {**_fields(value), "text": str(value)}
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): shown(one) for key, one in value.items()}
        case Iterable():
            return [shown(one) for one in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    return str(value)


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: shown(getattr(value, field.name)) for field in dataclasses.fields(value)}


def _of_rule(rule: type[AmqpBrokerWarning]) -> dict[str, str]:
    return {"rule": rule.name, "explanation": rule.explanation, "remedy": rule.remedy}


def _message(message: Message) -> dict[str, Any]:
    found = {
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "body": message.body,
        "properties": message.given_properties(),
        "headers": message.headers,
        "redelivered": message.redelivered,
    }
    if isinstance(message, Event):
        found |= {name: getattr(message, name) for name in _OF_EVENTS}
    return {name: shown(value) for name, value in found.items()}
