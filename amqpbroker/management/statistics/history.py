"""What was counted when: samples of everything that changes, every five seconds while management is there.

A thing that does nothing costs a comparison, and keeps nothing: its history begins with its first change, and is
forgotten when nothing has changed for a minute. What is true of the whole broker or of a virtual host is kept for
longer. Source: RabbitMQ `rabbit_mgmt_metrics_collector`, `collect_statistics_interval`.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.management.statistics.counters import counters_of, traffic_of
from amqpbroker.management.statistics.series import LongSeries, Series
from amqpbroker.model.counters import COUNTED, Churn
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.queue import Queue
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.session.channel import Channel
from amqpbroker.session.connection import Connection

if TYPE_CHECKING:
    from amqpbroker.model.broker import Broker
    from amqpbroker.model.ports import Clock

INTERVAL_MS: Final = 5_000
LENGTHS: Final = ("messages_ready", "messages_unacknowledged", "messages")
TRAFFIC: Final = ("recv_oct", "send_oct")
_COUNTED: Final = (*COUNTED, "deliver_get")
_CHURN: Final = Churn.__slots__
_VALUES_OF_COUNTERS: Final = attrgetter(*_COUNTED)
_VALUES_OF_CHURN: Final = attrgetter(*_CHURN)


class Watch:
    """Things of one kind. names: of the values. values_of: of a thing. columns_of: what is compared to find out which
    things have changed: columns, in each of them something of every thing.
    """

    def __init__(
        self,
        names: Sequence[str],
        values_of: Callable[[Any], tuple[int, ...]],
        columns_of: Callable[[Sequence[Any]], list[list[Any]]] | None = None,
    ) -> None:
        self.series: dict[Any, Series] = {}
        self._names = names
        self._values_of = values_of
        self._columns_of = columns_of or (lambda things: [[values_of(thing) for thing in things]])
        self._things: list[Any] = []
        self._columns: list[list[Any]] = []
        # What those had that have a history no more, or none yet.
        self._last: dict[Any, tuple[int, ...]] = {}

    def sample(self, now_ms: int, things: list[Any], *, is_first: bool) -> bool:
        """Looks at all things of the kind; whether anything has changed.

        is_first: nobody knows since when they are as they are.
        """
        columns = self._columns_of(things)
        are_same = bool(self._columns) and things == self._things
        if are_same:
            changed = [things[place] for place in _places_of_change(self._columns, columns)]
        else:
            before_of = dict(zip(self._things, zip(*self._columns, strict=True), strict=False))
            rows = zip(things, zip(*columns, strict=True), strict=True)
            changed = [thing for thing, now in rows if before_of.get(thing) != now]
            there = set(things)
            self.series = {thing: series for thing, series in self.series.items() if thing in there}
            self._last = {thing: values for thing, values in self._last.items() if thing in there}
        self._things, self._columns = things, columns
        for thing in changed:
            if is_first:
                self._last[thing] = self._values_of(thing)
            elif thing not in self.series:
                series = self.series[thing] = Series(self._names)
                series.add(now_ms - INTERVAL_MS, self._last.pop(thing, (0,) * len(self._names)))
        for thing, series in list(self.series.items()):
            values = self._values_of(thing)
            series.add(now_ms, values)
            if series.is_flat:
                del self.series[thing]
                self._last[thing] = values
        return bool(changed) or not are_same


class History:
    """The history of a broker. last_ms: when it looked last, in Unix time."""

    def __init__(self, broker: "Broker", clock: "Clock") -> None:
        self._broker = broker
        self._clock = clock
        self._watches = {
            Queue: Watch((*_COUNTED, *LENGTHS), _values_of_queue, _columns_of_queues),
            Exchange: Watch(_COUNTED, _values_of_counted),
            Channel: Watch(_COUNTED, _values_of_counted),
            Connection: Watch(TRAFFIC, _values_of_connection),
        }
        self._vhosts: dict[str, LongSeries] = {}
        self._totals: dict[str, tuple[int, ...]] = {}
        self._churn = LongSeries(_CHURN)
        self.last_ms = 0

    def begin(self) -> None:
        """A first look, and one every five seconds from now on."""
        self.sample(is_first=True)
        self._plan()

    def series_of(self, thing: object) -> Series | None:
        """What is known of a thing, of the broker what came and went. None: nothing of it has changed of late."""
        if thing is self._broker:
            return self._churn
        if isinstance(thing, VirtualHost):
            return self._vhosts.get(thing.name)
        for kind, watch in self._watches.items():
            if isinstance(thing, kind):
                return watch.series.get(thing)
        return None

    def _plan(self) -> None:
        # At whole intervals of Unix time, as RabbitMQ tells its samples.
        left_ms = INTERVAL_MS - self._clock.unix_ms() % INTERVAL_MS
        self._clock.at(self._clock.now_s() + left_ms / 1_000, self._due)

    def _due(self) -> None:
        self.sample()
        self._plan()

    def sample(self, *, is_first: bool = False) -> None:
        """Looks at everything. is_first: nobody has looked before."""
        now_ms = _nearest_interval_ms(self._clock.unix_ms())
        if now_ms <= self.last_ms:
            return
        self.last_ms = now_ms
        self._broker.count_up()
        vhosts = list(self._broker.vhosts.values())
        connections = [one for one in self._broker.connections if isinstance(one, Connection)]
        things: dict[type, list[Any]] = {
            Queue: [queue for vhost in vhosts for queue in vhost.queues.values()],
            Exchange: [exchange for vhost in vhosts for exchange in vhost.exchanges.values()],
            Channel: [channel for connection in connections for channel in connection.channels.values()],
            Connection: connections,
        }
        changes = [watch.sample(now_ms, things[kind], is_first=is_first) for kind, watch in self._watches.items()]
        if any(changes) or self._vhosts.keys() != self._broker.vhosts.keys():
            self._look_at_vhosts(vhosts, connections)
        for name, series in self._vhosts.items():
            series.add(now_ms, self._totals[name])
        self._churn.add(now_ms, _VALUES_OF_CHURN(self._broker.churn))

    def _look_at_vhosts(self, vhosts: Sequence[VirtualHost], connections: Sequence[Connection]) -> None:
        self._vhosts = {vhost.name: self._vhosts.get(vhost.name) or _new_of_vhost() for vhost in vhosts}
        own: dict[str, list[Connection]] = {vhost.name: [] for vhost in vhosts}
        for connection in connections:
            own[connection.vhost.name].append(connection)
        for vhost in vhosts:
            counters, traffic = counters_of(vhost, own[vhost.name]), traffic_of(vhost, own[vhost.name])
            ready = unacked = 0
            for queue in vhost.queues.values():
                ready += queue.message_count
                unacked += queue.unacked
            lengths = (ready, unacked, ready + unacked)
            traffic_values = (traffic.recv_oct, traffic.send_oct)
            self._totals[vhost.name] = (*_VALUES_OF_COUNTERS(counters), *lengths, *traffic_values)


def _new_of_vhost() -> LongSeries:
    return LongSeries((*_COUNTED, *LENGTHS, *TRAFFIC))


def _values_of_counted(thing: Exchange | Channel) -> tuple[int, ...]:
    values: tuple[int, ...] = _VALUES_OF_COUNTERS(thing.counters)
    return values


def _values_of_queue(queue: Queue) -> tuple[int, ...]:
    ready, unacked = queue.message_count, queue.unacked
    return (*_VALUES_OF_COUNTERS(queue.counters), ready, unacked, ready + unacked)


def _values_of_connection(connection: Connection) -> tuple[int, ...]:
    return connection.wire.octets_received, connection.wire.octets_sent


def _columns_of_queues(queues: Sequence[Queue]) -> list[list[Any]]:
    # Ten thousand of them in about two milliseconds. Counts only grow, so their sum tells whether one of them has; what
    # else there is of a queue, or counted by it, goes along with one of these.
    return [
        [
            counters.publish + counters.deliver + counters.deliver_no_ack + counters.get_no_ack + counters.get_empty
            for counters in [queue.counters for queue in queues]
        ],
        [queue.unacked for queue in queues],
        [queue.held_bytes for queue in queues],
    ]


def _places_of_change(before: Sequence[list[Any]], now: Sequence[list[Any]]) -> set[int]:
    """Where columns of the same things differ."""
    places: set[int] = set()
    for old, new in zip(before, now, strict=True):
        if old != new:
            places.update(place for place, (was, is_) in enumerate(zip(old, new, strict=True)) if was != is_)
    return places


def _nearest_interval_ms(unix_ms: int) -> int:
    return (unix_ms + INTERVAL_MS // 2) // INTERVAL_MS * INTERVAL_MS
