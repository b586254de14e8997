"""Every fault there is, by the name that tests call it."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar, Unpack

from amqpbroker.errors import CONNECTION_FORCED, PRECONDITION_FAILED
from amqpbroker.testing.crashes.crash import CrashAtByte
from amqpbroker.testing.durations import Duration
from amqpbroker.testing.faults.closing import CancelConsumers, CloseChannels, CloseConnections
from amqpbroker.testing.faults.fault import Fault
from amqpbroker.testing.faults.octets import CorruptFrames, Delay, Direction, Part
from amqpbroker.testing.faults.publishing import (
    BlockPublishers,
    DuplicatePublishes,
    LoseConfirms,
    NackPublishes,
    ReturnPublishes,
    WithholdConfirms,
)
from amqpbroker.testing.faults.sockets import DropConnections, How, RefuseConnections, RefuseHow
from amqpbroker.testing.faults.which import Which

R = TypeVar("R")


class Making(ABC, Generic[R]):
    """Each call makes a rule that strikes from now on, until it is ended, or has had its times or its time.

    Rules compose: all that match strike, in the order in which they were made. `which` says what is struck, how often
    and for how long, see `Which`. on: the method at which it is done, by its name in AMQP: as a client sends it
    ('basic.publish', 'queue.declare') or gets it ('basic.deliver', 'confirm' for the ack or nack of a publish).

    Raises ValueError and TypeError: an argument cannot be used. FaultTargetError: what is to be struck is not there.
    """

    @abstractmethod
    def _begin(self, fault: Fault, which: Which) -> R: ...

    # Sockets

    def drop_connections(
        self, how: How = "rst", *, on: str | None = None, new: bool = True, **which: Unpack[Which]
    ) -> R:
        """Connections are lost without a word: those that are there, and new ones as soon as they have logged in.

        how: 'rst', 'eof', 'black_hole' or 'half_open', see `How`. on: not now, but when this method comes; it is not
        done any more. new: False spares those who come later.
        """
        return self._begin(DropConnections(how, on, new), which)

    def refuse_connections(self, how: RefuseHow = "refused", **which: Unpack[Which]) -> R:
        """Nobody gets in: 'refused' is ECONNREFUSED, 'reset' a connection that ends at once. Who is in stays."""
        return self._begin(RefuseConnections(how), which)

    def delay(self, by: Duration, *, on: str | None = None, direction: Direction = "both", **which: Unpack[Which]) -> R:
        """Frames are on their way for so long, by the broker's clock; those behind them on a connection wait, too.

        on: this method alone. direction: 'in' is what clients send, 'out' what they get.
        """
        return self._begin(Delay(by, on, direction), which)

    def corrupt_frames(
        self, part: Part = "end", *, on: str | None = None, direction: Direction = "out", **which: Unpack[Which]
    ) -> R:
        """An octet of each frame is wrong: its 'end', its 'size', one in the middle of its 'payload', or its 'type'."""
        return self._begin(CorruptFrames(part, on, direction), which)

    # Publishes

    def nack_publishes(self, **which: Unpack[Which]) -> R:
        """No queue gets the message, and its publisher a nack, if it has asked for confirms.

        What is published in a transaction is left alone by faults of publishes.
        """
        return self._begin(NackPublishes(), which)

    def return_publishes(self, **which: Unpack[Which]) -> R:
        """Messages go as if no queue was bound: back if they are mandatory, nowhere if not; both are confirmed."""
        return self._begin(ReturnPublishes(), which)

    def duplicate_publishes(self, copies: int = 1, **which: Unpack[Which]) -> R:
        """Queues get so many more of each message, as from a publisher that has lost a confirm and publishes again."""
        return self._begin(DuplicatePublishes(copies), which)

    def withhold_confirms(self, **which: Unpack[Which]) -> R:
        """The queues have the message; its publisher hears nothing of it until the rule ends."""
        return self._begin(WithholdConfirms(), which)

    def lose_confirms(self, drop: How | None = None, **which: Unpack[Which]) -> R:
        """The queues have the message, and it is on disk if it has to be; its publisher never hears of it.

        drop: the connection is lost, instead of the confirm alone.
        """
        return self._begin(LoseConfirms(drop), which)

    def block_publishers(self, reason: str = "low on memory", **which: Unpack[Which]) -> R:
        """Who publishes gets connection.blocked and is not read any more, until the rule ends: an alarm."""
        return self._begin(BlockPublishers(reason), which)

    # The disk

    def crash_at_byte(self, n: int, *, power_cut: bool = False) -> R:
        """So many octets more reach the data directory; then the broker ends as by kill -9, see `crash` of the broker.

        power_cut: what was not synced by then is lost as well.
        """
        return self._begin(CrashAtByte(n, power_cut), Which())

    # What the broker tells

    def cancel_consumers(self, *, on: str | None = None, **which: Unpack[Which]) -> R:
        """basic.cancel by the broker, as when a queue is deleted or moves: now, or when this method comes."""
        return self._begin(CancelConsumers(on), which)

    def close_channels(
        self,
        code: int = PRECONDITION_FAILED,
        text: str = "closed by a fault",
        *,
        on: str | None = None,
        **which: Unpack[Which],
    ) -> R:
        """channel.close by the broker with a code and a text: now, or instead of this method."""
        return self._begin(CloseChannels(code, text, on), which)

    def close_connections(
        self,
        code: int = CONNECTION_FORCED,
        text: str = "closed by a fault",
        *,
        on: str | None = None,
        **which: Unpack[Which],
    ) -> R:
        """connection.close by the broker with a code and a text: now, or instead of this method."""
        return self._begin(CloseConnections(code, text, on), which)
