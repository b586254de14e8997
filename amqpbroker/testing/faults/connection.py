"""A connection whose confirms faults can keep, and which they can block; without one it is the broker's own."""

from typing import TYPE_CHECKING, cast

from amqpbroker.session.channel import Channel
from amqpbroker.session.connection import Connection
from amqpbroker.testing.faults.channel import FaultyChannel
from amqpbroker.wire.methods import Connection as ConnectionMethods
from amqpbroker.wire.methods import encode_frame

if TYPE_CHECKING:
    from amqpbroker.testing.crashes.ledger import Ledger
    from amqpbroker.testing.faults.rule import Rule
    from amqpbroker.testing.faults.rules import Rules
    from amqpbroker.testing.faults.transport import FaultyTransport


class FaultyConnection(Connection):
    """rules: the broker's faults. socket: what it is connected by. ledger: of what is safe; None: nothing survives."""

    channel_type = FaultyChannel
    rules: "Rules"
    ledger: "Ledger | None"
    socket: "FaultyTransport"
    _blocked_by: "Rule | None" = None

    def observed_channel(self, number: int) -> FaultyChannel | None:
        """An open channel."""
        return cast("FaultyChannel | None", self.channels.get(number))

    def _confirm(self, channel: Channel) -> None:
        if channel.confirms is not None:
            journal = self.broker.journal
            frames = cast(FaultyChannel, channel).take_confirms(journal.done_number if journal is not None else 0)
            self.wire.outbox.append(frames)
            if not self.socket.is_closing:
                cast(FaultyChannel, channel).has_told(frames)

    def confirm_is_due(self, rule: "Rule") -> None:
        """A confirm that a rule keeps would go out now."""
        drop = getattr(rule.fault, "drop", None)
        if drop is not None:
            self.socket.drop(drop, rule)

    def block(self, reason: str, rule: "Rule") -> None:
        """Holds the publisher back, as an alarm does."""
        if self.is_blocked:
            return
        self._blocked = True
        self._blocked_by = rule
        self.wire.heartbeat.paused = True
        if self.has_capability("connection.blocked"):
            self.wire.write(encode_frame(0, ConnectionMethods.Blocked(reason=reason)))
        self._transport.pause_reading()

    def unblock(self, rule: "Rule") -> None:
        """The rule is over by which it was held back."""
        if self._blocked_by is rule:
            self._blocked_by = None
            if self.is_blocked:
                self._unblock()
