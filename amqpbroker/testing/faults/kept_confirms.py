"""Confirms of a channel of which some are not told, or not yet.

An ack for many goes over all numbers before it. So from the first that is kept on acks are told one by one.
"""

import struct
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from amqpbroker.wire.constants import ACK
from amqpbroker.wire.hot import ACK_FRAME_BYTES, ack_prefix, lay_ack, lay_nack

if TYPE_CHECKING:
    from amqpbroker.testing.faults.rule import Rule

_FRAME: Final = struct.Struct(">7s4sQBB")


def told(frames: bytes) -> Iterator[tuple[bool, int, bool]]:
    """What these frames say: (whether it is an ack, number, whether it is for all before it, too)."""
    for at in range(0, len(frames), ACK_FRAME_BYTES):
        _, ids, number, bits, _ = _FRAME.unpack_from(frames, at)
        yield ids == ACK, number, ids == ACK and bool(bits & 1)


class KeptConfirms:
    """first: the first number that is kept; those before it are told as ever. before_is_due: some of them are not yet.

    arrived: called when one that a rule keeps would have been told.
    """

    def __init__(self, channel: int, first: int, before_is_due: bool, arrived: Callable[["Rule"], None]) -> None:
        self._prefix = ack_prefix(channel)
        self._first = first
        self._before = first - 1 if before_is_due else 0
        self._arrived = arrived
        self._rules: dict[int, Rule] = {}
        self._waiting: dict[int, bytes] = {}
        self._told: set[int] = set()

    def keep(self, number: int, rule: "Rule") -> None:
        """This one is not told, but by `let_go`."""
        self._rules[number] = rule

    def through(self, frames: bytes) -> bytes:
        """What of these is told now."""
        return b"".join(self._through(frames))

    def _through(self, frames: bytes) -> Iterator[bytes]:
        for is_ack, number, multiple in told(frames):
            if number < self._first:
                yield lay_ack(self._prefix, number, multiple=multiple) if is_ack else lay_nack(self._prefix, number)
                continue
            if multiple and self._before:
                yield lay_ack(self._prefix, self._before, multiple=True)
                self._before = 0
            for one in range(self._first if multiple else number, number + 1):
                if one not in self._told:
                    self._told.add(one)
                    yield from self._one(one, is_ack)
        # None of those before comes again.
        while self._first in self._told:
            self._told.remove(self._first)
            self._first += 1

    def _one(self, number: int, is_ack: bool) -> Iterator[bytes]:
        octets = lay_ack(self._prefix, number, multiple=False) if is_ack else lay_nack(self._prefix, number)
        rule = self._rules.get(number)
        if rule is None:
            yield octets
        else:
            self._waiting[number] = octets
            self._arrived(rule)

    def let_go(self, rule: "Rule") -> bytes:
        """What a rule has kept is told, as far as it would have been by now."""
        numbers = [number for number, its in self._rules.items() if its is rule]
        for number in numbers:
            del self._rules[number]
        return b"".join(self._waiting.pop(number, b"") for number in numbers)
