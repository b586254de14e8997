"""x-delayed-message: another type of exchange that gets a message only when its delay is over.

The argument `x-delayed-type` names the other type, which keeps the bindings and routes. The header `x-delay` of a
message says how long it waits, in milliseconds. A message that waits goes nowhere from here as yet, so it counts as
unroutable; when it is due it is routed by the bindings of then, and its header holds the delay negated, so that no
other delayed exchange delays it again.

Source: the plugin rabbitmq_delayed_message_exchange; docs/behaviour/delayed.md.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from amqpbroker.errors import INTERNAL_ERROR, PRECONDITION_FAILED, AMQPError
from amqpbroker.model import exchanges
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Exchange, Kept
from amqpbroker.model.message import Message, split_address
from amqpbroker.model.queues.delayed import DelayedMessages
from amqpbroker.profiles import Profile
from amqpbroker.wire.properties import Properties, decode, replace
from amqpbroker.wire.tables import Field, Table, text, texts

if TYPE_CHECKING:
    from amqpbroker.model.queue import Queue
    from amqpbroker.model.vhost import VirtualHost

X_DELAYED_TYPE: Final = "x-delayed-type"
X_DELAY: Final = "x-delay"

# Erlang has no longer timer, so what asks for more is not delayed at all.
DELAY_MAX_MS: Final = (1 << 32) - 1

_INTEGER_KINDS: Final = frozenset("BsuIilL")
_NUMBER: Final = re.compile(rb"([+-]?)(?=[0-9])0*([0-9]*)")
_DIGITS_MAX: Final = len(str(DELAY_MAX_MS))


def delay_of(headers: Table | None) -> int:
    """For how many milliseconds a message with these headers waits; 0: it does not.

    Raises AMQPError 541 where the plugin's code fails: at a text that is no number, and at a decimal.
    """
    field = (headers or {}).get(X_DELAY)
    if field is None:
        return 0
    delay_ms = 0
    if field.kind in _INTEGER_KINDS:
        delay_ms = field.value
    elif field.kind in "fd":
        delay_ms = int(field.value)
    elif field.kind in "Sx":
        delay_ms = _number(field.value)
    elif field.kind == "D":
        raise _crash()
    return delay_ms if 0 < delay_ms <= DELAY_MAX_MS else 0


def _number(octets: bytes) -> int:
    match = _NUMBER.fullmatch(octets)
    if match is None:
        raise _crash()
    sign, digits = match.groups()
    # One that is longer is beyond the limit anyway.
    return 0 if sign == b"-" or len(digits) > _DIGITS_MAX else int(digits or b"0")


def _crash() -> AMQPError:
    return AMQPError(INTERNAL_ERROR, "", (0, 0))


class DelayedExchange(Exchange):
    """inner: the exchange of the other type. hidden: what waits."""

    type: ClassVar[str] = "x-delayed-message"
    pure = False
    keeps: ClassVar[bool] = True
    hidden: DelayedMessages

    def __init__(self, name: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table) -> None:
        inner = exchanges.EXCHANGE_TYPES[text(arguments[X_DELAYED_TYPE])]
        self.inner = inner(name, durable, auto_delete, internal, arguments)
        super().__init__(name, durable, auto_delete, internal, arguments)
        self._vhost: VirtualHost

    @classmethod
    def check_arguments(cls, arguments: Table) -> None:
        field = arguments.get(X_DELAYED_TYPE)
        if field is None or field.kind not in "Sx":
            wrong = f"Invalid argument, '{X_DELAYED_TYPE}' must be an existing exchange type"
            raise AMQPError(PRECONDITION_FAILED, wrong)
        kind = text(field)
        if kind == cls.type:
            wrong = f"Invalid argument, '{cls.type}' can't be used for '{X_DELAYED_TYPE}'"
            raise AMQPError(PRECONDITION_FAILED, wrong)
        inner = exchanges.EXCHANGE_TYPES.get(kind)
        if inner is None:
            raise AMQPError(PRECONDITION_FAILED, f"unknown exchange type '{kind}'")
        inner.check_arguments(arguments)

    def check_binding(self, binding: Binding, profile: Profile, queue: "Queue | None") -> None:
        self.inner.check_binding(binding, profile, queue)

    def apply_policy(self, definition: Mapping[str, Any]) -> None:
        super().apply_policy(definition)
        self.inner.apply_policy(definition)

    def taken_in(self, vhost: "VirtualHost") -> None:
        self._vhost = vhost
        self.hidden = DelayedMessages(vhost.clock, self._fall_due)
        self.inner.taken_in(vhost)

    @property
    def remembers(self) -> bool:
        return self.durable

    @property
    def delayed_count(self) -> int:
        """How many messages wait: `messages_delayed` of the API."""
        return len(self.hidden)

    # Messages

    def destinations(self, routing_keys: Sequence[str], properties: Properties) -> Iterable[Destination]:
        return () if delay_of(properties.headers) else self.inner.destinations(routing_keys, properties)

    def keep(self, kept: Kept) -> bool:
        delay_ms = delay_of(kept.properties.headers)
        if not delay_ms:
            return self.inner.keep(kept)
        headers = kept.properties.headers or {}
        address, header, body, flags = kept.message
        if "BCC" in headers:
            # It is among the keys that count when the message is due.
            header = replace(header, headers=headers)
        self.hidden.add((address, header, body, flags), delay_ms, self._vhost.journal)
        return self.hidden.log is not None

    def history(self) -> Sequence[Kept]:
        return self.inner.history()

    def _fall_due(self, messages: Sequence[Message]) -> None:
        for address, header, body, flags in messages:
            values = decode(header)
            headers = values.headers or {}
            delay_ms = delay_of(headers)
            keys = [split_address(address)[1], *texts(headers, "CC"), *texts(headers, "BCC")]
            values.headers = {name: field for name, field in headers.items() if name != "BCC"}
            values.headers[X_DELAY] = Field("l", -delay_ms)
            message = (address, replace(header, headers=values.headers), body, flags)
            self._vhost.publish_kept(self, Kept(keys, values, message))

    # Bindings

    def _index(self, binding: Binding) -> None:
        self.inner.bind(binding)

    def _unindex(self, binding: Binding) -> None:
        self.inner.unbind(binding)
