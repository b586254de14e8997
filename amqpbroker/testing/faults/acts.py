"""Faults that do something to what is there, at once, or when a method comes or goes."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.testing.errors import FaultTargetError
from amqpbroker.testing.faults.fault import FrameFault
from amqpbroker.testing.faults.frame import checked_name
from amqpbroker.testing.faults.occasion import Occasion

if TYPE_CHECKING:
    from amqpbroker.testing.faults.frame import Frame
    from amqpbroker.testing.faults.rule import Rule
    from amqpbroker.testing.faults.rules import Rules

# Both sides send them: as a client does they are meant.
_OF_BOTH: Final = frozenset(
    f"{name}{ok}"
    for name in ("connection.close", "channel.close", "channel.flow", "basic.cancel")
    for ok in ("", "_ok")
)


class Act(FrameFault):
    """on: the method at which it is done, instead of what the client has asked for by it; None: at once.

    comes_with: done at once, it is also done when this method comes, as long as the rule lasts. Raises ValueError.
    """

    def __init__(self, on: str | None, comes_with: str | None = None) -> None:
        self._on = checked_name(on)
        self._comes_with = comes_with

    def arguments(self) -> dict[str, Any]:
        return {"on": self._on} if self._on is not None else {}

    @abstractmethod
    def act(self, rules: "Rules", rule: "Rule", occasion: Occasion) -> bool:
        """Does it; whether the frame goes no further that it was done at."""

    def targets(self, rules: "Rules") -> Iterable[Occasion]:
        """What there is to strike at once."""
        return [Occasion("connection", socket) for socket in rules.sockets()]

    def wants(self, frame: "Frame") -> bool:
        if self._on is None:
            return frame.from_client and frame.what == self._comes_with
        return frame.what == self._on and (frame.from_client or frame.what not in _OF_BOTH)

    def strike(self, rules: "Rules", rule: "Rule", frame: "Frame") -> None:
        if self.act(rules, rule, frame):
            frame.octets = b""

    def begin(self, rules: "Rules", rule: "Rule") -> None:
        if self._on is not None:
            return
        there = list(self.targets(rules))
        matching = [one for one in there if rule.where.matches(one)]
        if self._comes_with is None and not matching:
            raise FaultTargetError(str(rule), [_described(one) for one in there])
        for one in matching:
            if rule.strikes(one):
                self.act(rules, rule, one)
        if self._comes_with is None:
            rules.spend(rule)


def _described(target: Occasion) -> str:
    names = " ".join(repr(name) for name in target.socket.names)
    channel = f" channel {target.channel}" if target.channel else ""
    queues = f" of queue {', '.join(map(repr, target.queues))}" if target.queues else ""
    return f"{target.what}{queues} on connection {names} of {target.socket.session.user_name or 'nobody yet'}{channel}"
