"""Which traffic a fault strikes, how often and for how long."""

from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final, TypedDict

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchanges.topic import TopicExchange
from amqpbroker.testing.durations import Duration, seconds_of
from amqpbroker.wire.properties import Properties

if TYPE_CHECKING:
    from amqpbroker.testing.faults.occasion import Occasion
    from amqpbroker.testing.faults.transport import FaultyTransport


class Which(TypedDict, total=False):
    """Everything, always, until it is ended, but for what is said here; all that is said has to be so.

    connection: the broker's name of it, or the `connection_name` that its client has told, with `*` and `?`.
    user, vhost, exchange, queue: by name. channel: by number. routing_key: a pattern as of a topic exchange.
    nth: the n-th of these alone, from 1 on, or several. every: each n-th. probability: of each, by dice of `seed`.
    times: it is over after so many hits. for_: it is over after so long, by the broker's clock.
    """

    connection: str
    user: str
    vhost: str
    channel: int
    exchange: str
    routing_key: str
    queue: str
    nth: int | Collection[int]
    every: int
    probability: float
    seed: int
    times: int
    for_: Duration


_NAMES: Final = ("connection", "user", "vhost", "exchange", "routing_key", "queue")
_COUNTS: Final = ("every", "times")


def check(which: Mapping[str, Any]) -> None:
    """Raises ValueError, TypeError: what is wrong, and what can be given."""
    for name, value in which.items():
        if name not in Which.__annotations__:
            text = f"{name}={value!r}: no such filter; there are {', '.join(Which.__annotations__)}"
            raise TypeError(text)
        if name in _NAMES and not isinstance(value, str):
            raise TypeError(f"{name}={value!r}: give its name, a str")
        if name in _COUNTS and not (isinstance(value, int) and value >= 1):
            raise ValueError(f"{name}={value!r}: give a whole number, 1 or more")
    if "channel" in which and not 1 <= which["channel"] <= 65_535:
        raise ValueError(f"channel={which['channel']!r}: channels have numbers from 1 to 65535")
    if not 0 <= which.get("probability", 0) <= 1:
        raise ValueError(f"probability={which['probability']!r}: give a number from 0, never, to 1, always")
    if "nth" in which and not all(isinstance(one, int) and one >= 1 for one in numbers(which["nth"])):
        raise ValueError(f"nth={which['nth']!r}: give whole numbers; the first is 1")
    if "for_" in which:
        seconds_of(which["for_"])


def numbers(nth: int | Collection[int]) -> Collection[int]:
    """One or several."""
    return (nth,) if isinstance(nth, int) else nth


class Where:
    """The part of `Which` that says what is struck."""

    def __init__(self, which: Which) -> None:
        self._which = which
        self._keys = TopicExchange("", False, False, False, {})
        if "routing_key" in which:
            self._keys.bind(Binding("", Destination("queue", ""), which["routing_key"], {}))

    def matches_connection(self, socket: "FaultyTransport") -> bool:
        """Whether it is one of these connections."""
        which = self._which
        session = socket.session
        if "connection" in which and not any(fnmatchcase(name, which["connection"]) for name in socket.names):
            return False
        if "user" in which and session.user_name != which["user"]:
            return False
        return "vhost" not in which or socket.vhost_name == which["vhost"]

    def matches(self, occasion: "Occasion") -> bool:
        """Whether it is one of these."""
        which = self._which
        if "channel" in which and occasion.channel != which["channel"]:
            return False
        if not self.matches_connection(occasion.socket):
            return False
        if "exchange" in which and occasion.exchange != which["exchange"]:
            return False
        if "routing_key" in which and not self._fits(occasion.routing_key):
            return False
        return "queue" not in which or which["queue"] in occasion.queues

    def _fits(self, routing_key: str | None) -> bool:
        return routing_key is not None and any(True for _ in self._keys.destinations([routing_key], Properties()))
