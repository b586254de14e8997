"""Messages, and what a dead-letter exchange is given of them, as docs/behaviour/queues.md says it."""

from dataclasses import dataclass, field, replace
from typing import Any

from amqpbroker.wire import properties
from amqpbroker.wire.tables import Field, Table, long_string


@dataclass(frozen=True, slots=True)
class NaiveMessage:
    """copies: the keys of CC and BCC that it goes by, too; carbon: those of them that anybody may see.

    deaths: the entries of x-death, the newest first.
    """

    exchange: str
    key: str
    header: bytes
    body: bytes
    copies: tuple[str, ...] = field(default=(), compare=False)
    carbon: tuple[str, ...] = field(default=(), compare=False)
    headers: tuple[tuple[str, Any], ...] = field(default=(), compare=False)
    priority: int | None = field(default=None, compare=False)
    expiration: int | None = field(default=None, compare=False)
    deaths: tuple[Table, ...] = field(default=(), compare=False)

    @property
    def keys(self) -> list[str]:
        return [self.key, *self.copies]


def died(
    message: NaiveMessage, queue: str, reason: str, time_s: int, to: str, own_key: str | None, profile: tuple[int, int]
) -> NaiveMessage:
    """The message after its end in a queue. to: the dead-letter exchange. own_key: x-dead-letter-routing-key."""
    entry: Table = {
        "count": Field("l", 1),
        "reason": long_string(reason),
        "queue": long_string(queue),
        "time": Field("T", time_s),
        "exchange": long_string(message.exchange),
        "routing-keys": Field("A", [long_string(key) for key in (message.key, *message.carbon)]),
    }
    if message.expiration is not None:
        original = {"original-expiration": long_string(str(message.expiration))}
        entry = original | entry if profile >= (4, 0) else entry | original
    others: list[Table] = []
    for one in message.deaths:
        if (one["queue"], one["reason"]) == (entry["queue"], entry["reason"]):
            entry = one | {"count": Field("l", one["count"].value + 1)}
        else:
            others.append(one)
    if message.deaths and profile < (4, 0):
        entry = dict(sorted(entry.items()))
    deaths = (entry, *others)
    values = properties.decode(message.header)
    headers = dict(values.headers or {})
    if own_key is not None and profile < (4, 0):
        headers.pop("CC", None)
    where = {"exchange": message.exchange, "queue": queue, "reason": reason}
    for prefix in ("x-first-death", "x-last-death"):
        if not message.deaths if prefix == "x-first-death" else profile >= (4, 0):
            headers |= {f"{prefix}-{name}": long_string(value) for name, value in where.items()}
    headers["x-death"] = Field("A", [Field("F", one) for one in deaths])
    values.headers = dict(sorted(headers.items()))
    values.expiration = None
    return replace(
        message,
        exchange=to,
        key=message.key if own_key is None else own_key,
        header=properties.encode(values, len(message.body)),
        copies=message.copies if own_key is None else (),
        carbon=message.carbon if own_key is None else (),
        expiration=None,
        deaths=deaths,
    )


def counted(message: NaiveMessage, returned: int, failed: int, profile: tuple[int, int]) -> NaiveMessage:
    """The message as a quorum queue gives it out again, as docs/behaviour/quorum.md says it."""
    values = properties.decode(message.header)
    headers = dict(values.headers or {})
    if failed:
        headers["x-delivery-count"] = Field("l", failed)
    if profile >= (4, 3):
        headers["x-acquired-count"] = Field("l", returned)
    values.headers = dict(sorted(headers.items()))
    return replace(message, header=properties.encode(values, len(message.body)))


def closes_a_cycle(message: NaiveMessage, queue: str) -> bool:
    """Whether it died in that queue, and nobody has rejected it since."""
    for entry in message.deaths:
        if entry["reason"] == long_string("rejected"):
            return False
        if entry["queue"] == long_string(queue):
            return True
    return False
