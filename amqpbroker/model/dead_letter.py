"""Dead letters: what a queue gives up goes to its dead-letter exchange, with a record of how it died.

The header `x-death` has an entry for each queue and reason, the newest first; each says how often. A message that would
come to a queue in which it has died before, without a client having rejected it since, is in a cycle that nobody would
ever end: there it is dropped.

Source: RabbitMQ `rabbit_dead_letter` (3.10.8; with `mc:record_death` and `mc_amqpl:death_table` since 3.13),
docs/behaviour/queues.md.
"""

import logging
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from amqpbroker.limits import ROUTE_MEMO_MAX
from amqpbroker.model.exchange import Exchange, Kept
from amqpbroker.model.message import DIED, EXPIRES, OWN_FLAGS, Message, address_of, split_address
from amqpbroker.model.settings import AT_LEAST_ONCE
from amqpbroker.wire import properties
from amqpbroker.wire.tables import Field, Table, encode_table, long_string, text, texts

if TYPE_CHECKING:
    from amqpbroker.model.queue import Queue
    from amqpbroker.model.settings import QueueSettings
    from amqpbroker.model.vhost import VirtualHost

logger = logging.getLogger("amqpbroker.dead_letters")

# Why messages die.
REJECTED: Final = "rejected"
EXPIRED: Final = "expired"
TOO_LONG: Final = "maxlen"
DELIVERY_LIMIT: Final = "delivery_limit"

_X_DEATH: Final = "x-death"
_CYCLES_TOLD_MAX: Final = 1_000
# What a dead letter takes with it; its deadline was that queue's.
_KEPT_FLAGS: Final = OWN_FLAGS & ~EXPIRES


class DeadLetters:
    """Those of one virtual host.

    A queue may give up messages at any moment at which it is whole; what that makes other queues give up is dealt with
    after it, so that a chain of queues is a loop here and no recursion.

    counts: how many messages were given up, by the type of their queue, its strategy as RabbitMQ's metrics call it, and
    why. confirmed: of those with the strategy at-least-once, how many have come to another queue.
    """

    def __init__(self, vhost: "VirtualHost") -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.confirmed = 0
        self._vhost = vhost
        self._waiting: deque[tuple[Queue, str, Sequence[Message]]] = deque()
        self._is_working = False
        self._holders = 0
        self._told: set[tuple[str, ...]] = set()
        # What becomes of messages that are alike, while nothing changes that this depends on.
        self._ways: dict[tuple[bytes, int, bytes, bytes], _Way] = {}
        self._ways_of: tuple[object, ...] = ()

    def count(self, queue: "Queue", reason: str, count: int) -> None:
        """A queue gives up messages, whether they go anywhere or not. Source: `rabbit_global_counters`."""
        settings = queue.settings
        if settings.dead_letter_exchange is None or settings.dead_letter_exchange not in self._vhost.exchanges:
            strategy = "disabled"
        else:
            strategy = "at_least_once" if settings.dead_letter_strategy == AT_LEAST_ONCE else "at_most_once"
        self.counts[settings.kind, strategy, reason] += count

    def add(self, queue: "Queue", reason: str, messages: Sequence[Message]) -> None:
        """A queue has given up messages. Without a dead-letter exchange, or if that is not there, they are gone."""
        self._waiting.append((queue, reason, messages))
        if not self._holders:
            self._work()

    @contextmanager
    def held(self) -> Iterator[None]:
        """While messages go to several queues: what dies by that comes to any of them behind."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if self._waiting and not self._holders:
                self._work()

    def _work(self) -> None:
        if self._is_working:
            return
        self._is_working = True
        try:
            while self._waiting:
                self._publish(*self._waiting.popleft())
        finally:
            self._is_working = False

    def _publish(self, queue: "Queue", reason: str, messages: Sequence[Message]) -> None:
        vhost = self._vhost
        settings = queue.settings
        exchange = vhost.exchanges.get(settings.dead_letter_exchange or "")
        if settings.dead_letter_exchange is None or exchange is None:
            for message in messages:
                self._keep(queue, reason, message)
            return
        time_s = vhost.clock.unix_ms() // 1000
        ways = self._ways_while((queue, reason, settings, time_s, vhost.version))
        run: list[Message] = []
        queues: Sequence[Queue] = ()
        known_way: _Way | None = None
        known_header = new_header = b""
        for message in messages:
            address, header, body, flags = message
            alike = (address, flags & DIED, *properties.fate(header))
            way = ways.get(alike)
            if way is None:
                way = self._way(exchange, Death(message, queue.name, reason, time_s, settings, vhost.profile.series))
                if way.is_lasting:
                    if len(ways) >= ROUTE_MEMO_MAX:
                        ways.clear()
                    ways[alike] = way
            if way.queues != queues:
                if run:
                    self._put(exchange, queues, run, settings)
                    run = []
                queues = way.queues
            if way is not known_way or header is not known_header:
                known_way, known_header = way, header
                new_header = properties.with_headers(header, way.table)
            if queues:
                run.append((way.address, new_header, body, flags & _KEPT_FLAGS | DIED))
            elif not way.is_kept:
                self._keep(queue, reason, message)
        if run:
            self._put(exchange, queues, run, settings)

    def _put(
        self, exchange: Exchange, queues: Sequence["Queue"], messages: Sequence[Message], settings: "QueueSettings"
    ) -> None:
        if settings.dead_letter_strategy == AT_LEAST_ONCE:
            self.confirmed += len(messages)
        tap = self._vhost.tap
        if tap is not None:
            tap.forwarded(exchange, queues, messages)
        self._vhost.put(queues, messages)

    def _ways_while(self, ways_of: tuple[object, ...]) -> "dict[tuple[bytes, int, bytes, bytes], _Way]":
        """The ways that are known under these circumstances."""
        if ways_of != self._ways_of:
            self._ways_of = ways_of
            self._ways.clear()
        return self._ways

    def _way(self, exchange: Exchange, death: "Death") -> "_Way":
        """Where a dead letter goes; the exchanges that keep it have it then."""
        vhost = self._vhost
        routing = vhost.route(exchange, death.routing_keys, death.properties)
        for keeper in routing.keepers:
            keeper.keep(Kept(death.routing_keys, death.properties, death.message()))
        names = routing.queue_names
        if death.reason != REJECTED:
            names = tuple(name for name in names if not self._is_cycle(name, death.deaths))
        queues = tuple(vhost.queues[name] for name in names)
        is_kept = bool(routing.keepers)
        return _Way(death.address, death.table, queues, is_kept, routing.pure and not is_kept)

    @staticmethod
    def _keep(queue: "Queue", reason: str, message: Message) -> None:
        """No queue takes a dead letter: the one that it died in may keep it."""
        if queue.rules is not None:
            queue.rules.undeliverable(reason, message)

    def _is_cycle(self, queue: str, deaths: Sequence[Table]) -> bool:
        """Whether a message has died in this queue before, and no client had a hand in it since."""
        names: list[str] = []
        for death in deaths:
            if _text(death, "reason") == REJECTED:
                return False
            names.append(_text(death, "queue"))
            if names[-1] == queue:
                cycle = (queue, *names)
                if cycle not in self._told and len(self._told) < _CYCLES_TOLD_MAX:
                    self._told.add(cycle)
                    logger.warning(
                        "a message is dropped: queues (%s) dead-letter to each other in a cycle in which no client"
                        " rejects; it is told once",
                        ", ".join(cycle),
                    )
                return True
        return False


class _Way(NamedTuple):
    """What becomes of a dead letter: its address, the octets of its headers, and the queues that take it.

    is_kept: an exchange has it. is_lasting: it is so for all that are like this one.
    """

    address: bytes
    table: bytes
    queues: "tuple[Queue, ...]"
    is_kept: bool
    is_lasting: bool


class Death:
    """One message and its end in one queue.

    deaths: the entries of x-death with this one, the newest first. address, table: of the message as it goes on; the
    octets of its headers.
    """

    def __init__(
        self,
        message: Message,
        queue: str,
        reason: str,
        time_s: int,
        settings: "QueueSettings",
        series: tuple[int, int],
    ) -> None:
        address, header, _, flags = message
        self.reason = reason
        self.properties = properties.decode(header)
        self._message = message
        exchange, routing_key = split_address(address)
        headers = self.properties.headers or {}
        carbon_copies = texts(headers, "CC")
        earlier = _deaths(headers)
        if series >= (4, 0):
            if not flags & DIED:
                # An x-death that a client has published is none.
                earlier = []
            elif earlier and texts(earlier[0], "routing-keys") != [routing_key, *carbon_copies]:
                # It came by a dead-letter routing key; CC has stayed in its headers and leads nowhere since.
                carbon_copies = []
        info: Table = {
            "reason": long_string(reason),
            "queue": long_string(queue),
            "time": Field("T", time_s),
            "exchange": long_string(exchange),
            "routing-keys": Field("A", [long_string(key) for key in (routing_key, *carbon_copies)]),
        }
        expiration = self.properties.expiration
        limit = {"original-expiration": long_string(expiration)} if expiration is not None else {}
        info = {"count": Field("l", 1)} | info
        own_key = settings.dead_letter_routing_key
        self.routing_keys: tuple[str, ...] = (routing_key, *carbon_copies) if own_key is None else (own_key,)
        if series >= (4, 0):
            known = bool(flags & DIED)
            self.deaths = _with(earlier, limit | info)
            headers = headers | _named("x-last-death", reason, queue, exchange)
        else:
            known = _X_DEATH in headers
            self.deaths = _with(earlier, info | limit)
            if known and headers[_X_DEATH].kind == "A":
                self.deaths[0] = dict(sorted(self.deaths[0].items()))
            if own_key is not None:
                headers = {name: headers[name] for name in headers if name != "CC"}
        if not known:
            headers = headers | _named("x-first-death", reason, queue, exchange)
        headers = headers | {_X_DEATH: Field("A", [Field("F", death) for death in self.deaths])}
        self.properties.headers = dict(sorted(headers.items()))
        self.properties.expiration = None
        self.address = address_of(settings.dead_letter_exchange or "", self.routing_keys[0])
        self.table = encode_table(self.properties.headers)

    def message(self) -> Message:
        """The message as it goes on."""
        _, header, body, flags = self._message
        return self.address, properties.with_headers(header, self.table), body, flags & _KEPT_FLAGS | DIED


def _deaths(headers: Table) -> list[Table]:
    field = headers.get(_X_DEATH)
    if field is None or field.kind != "A":
        return []
    return [entry.value for entry in field.value if entry.kind == "F"]


def _with(deaths: list[Table], info: Table) -> list[Table]:
    """The entries with one more death: the one for its queue and reason counts it, and comes first."""
    same = [one for one in deaths if (one.get("queue"), one.get("reason")) == (info["queue"], info["reason"])]
    others = [one for one in deaths if one not in same]
    if not same:
        return [info, *others]
    count = same[0].get("count")
    known = count.value if count is not None and isinstance(count.value, int) else len(same)
    return [same[0] | {"count": Field("l", known + 1)}, *others]


def _named(prefix: str, reason: str, queue: str, exchange: str) -> Table:
    values = {"exchange": exchange, "queue": queue, "reason": reason}
    return {f"{prefix}-{name}": long_string(value) for name, value in values.items()}


def _text(table: Table, name: str) -> str:
    field = table.get(name)
    return text(field) if field is not None and field.kind == "S" else ""
