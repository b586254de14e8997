"""Faults of octets on their way: late, or wrong."""

from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from amqpbroker.testing.durations import Duration, seconds_of
from amqpbroker.testing.faults.fault import FrameFault
from amqpbroker.testing.faults.frame import checked_name
from amqpbroker.testing.faults.sockets import check_how

if TYPE_CHECKING:
    from amqpbroker.testing.faults.frame import Frame
    from amqpbroker.testing.faults.rule import Rule
    from amqpbroker.testing.faults.rules import Rules

Direction = Literal["in", "out", "both"]
"""in: what clients send. out: what they get."""
Part = Literal["end", "size", "payload", "type"]
"""Of a frame: its last octet, its size, the middle of what it carries, its first octet."""

_DIRECTIONS: Final = get_args(Direction)
_PARTS: Final = get_args(Part)
_FLIPPED: Final = 0xFF


class _Octets(FrameFault):
    def __init__(self, on: str | None, direction: Direction) -> None:
        check_how("direction", direction, _DIRECTIONS)
        self._on = checked_name(on)
        self._direction = direction

    def arguments(self) -> dict[str, Any]:
        return {"on": self._on, "direction": self._direction}

    def wants(self, frame: "Frame") -> bool:
        if self._direction != "both" and frame.from_client != (self._direction == "in"):
            return False
        return self._on is None or frame.what == self._on


class Delay(_Octets):
    """by: how long, by the broker's clock. What comes behind waits too: nothing overtakes on a connection."""

    name = "delay"
    holds = True

    def __init__(self, by: Duration, on: str | None, direction: Direction) -> None:
        super().__init__(on, direction)
        self._by_s = seconds_of(by)

    def arguments(self) -> dict[str, Any]:
        return {"by": self._by_s} | super().arguments()

    def strike(self, rules: "Rules", rule: "Rule", frame: "Frame") -> None:
        frame.delay_s += self._by_s

    def end(self, rules: "Rules", rule: "Rule") -> None:
        for socket in rules.sockets():
            if socket.traffic is not None:
                socket.traffic.let_go()


class CorruptFrames(_Octets):
    """part: see `Part`."""

    name = "corrupt_frames"

    def __init__(self, part: Part, on: str | None, direction: Direction) -> None:
        check_how("part", part, _PARTS)
        super().__init__(on, direction)
        self._part = part

    def arguments(self) -> dict[str, Any]:
        return {"part": self._part} | super().arguments()

    def strike(self, rules: "Rules", rule: "Rule", frame: "Frame") -> None:
        octets = bytearray(frame.octets)
        if octets:
            places = {"end": len(octets) - 1, "size": 3, "payload": (6 + len(octets)) // 2, "type": 0}
            octets[places[self._part]] ^= _FLIPPED
            frame.octets = bytes(octets)
