"""A channel whose publishes, confirms and consumers faults can strike; without one it is the broker's own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from amqpbroker.model.message import Message
from amqpbroker.session.channel import Channel
from amqpbroker.session.publishing import Publisher, Route, RouteGroup
from amqpbroker.testing.faults import publish
from amqpbroker.testing.faults.kept_confirms import KeptConfirms, told
from amqpbroker.wire.methods import Basic

if TYPE_CHECKING:
    from amqpbroker.session.connection import Connection
    from amqpbroker.testing.faults.connection import FaultyConnection
    from amqpbroker.testing.faults.rule import Rule

# Of a publish method: the bit `mandatory` of its last octet.
_MANDATORY = 1


class FaultyPublisher(Publisher):
    """Decides message by message while a fault looks at publishes. is_mandatory: of the last one that was decided."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._rules = cast("FaultyConnection", channel.connection).rules
        self._rules_version = self._rules.version
        self.is_mandatory = False

    def refresh(self) -> None:
        if self._rules_version != self._rules.version:
            self._rules_version = self._rules.version
            self._forget()
        super().refresh()

    def resolve(self, method: bytes) -> Route | None:
        return None if self._rules.on_publish else super().resolve(method)

    def publish_one(self, method: bytes, header: bytes, body: bytes) -> None:
        self.is_mandatory = bool(method[-1] & _MANDATORY)
        super().publish_one(method, header, body)


class FaultyChannel(Channel):
    """A channel whose publishes, confirms and consumers faults can strike."""

    connection: "FaultyConnection"
    publisher_type = FaultyPublisher

    def __init__(self, connection: "Connection", number: int) -> None:
        super().__init__(connection, number)
        self._kept: KeptConfirms | None = None
        # By number, what a publisher has not been told yet: (queue, position) where it is recorded, and the message.
        self._untold: dict[int, tuple[list[tuple[str, int]], Message]] = {}

    @property
    def is_mandatory(self) -> bool:
        """Whether the message that is being published comes back if it reaches no queue."""
        return cast(FaultyPublisher, self._publisher).is_mandatory

    def publish_run(self, group: RouteGroup, messages: Sequence[Message]) -> None:
        rules = self.connection.rules
        if not rules.on_publish or self.transaction is not None:
            super().publish_run(group, messages)
            return
        for message in messages:
            publish.strike(rules, self, group, message)

    def publish_unharmed(self, group: RouteGroup, message: Message) -> None:
        """As if there was no fault."""
        super().publish_run(group, [message])

    def publish_again(self, group: RouteGroup, message: Message) -> None:
        """The queues get it once more."""
        super().route_run(group, [message], group.refusers(message))

    def publish_nowhere(self, group: RouteGroup, message: Message, *, is_mandatory: bool) -> None:
        """No queue gets it. is_mandatory: it goes back to its publisher."""
        super().route_run(RouteGroup(group.exchange, (), is_mandatory, self.counters), [message])

    def confirm_nowhere(self, group: RouteGroup, message: Message) -> None:
        """It is taken care of, though no queue has it."""
        self._count_publishes(RouteGroup(group.exchange, (), False, self.counters), [message])

    def _count_publishes(self, group: RouteGroup, messages: Sequence[Message]) -> None:
        super()._count_publishes(group, messages)
        if self.confirms is not None and self.connection.ledger is not None:
            flags = messages[0][3]
            heads = [(queue.name, queue.part_for(flags).tail) for queue in group.recording(flags)]
            if heads:
                first = self.confirms.published - len(messages) + 1
                for nth, message in enumerate(messages):
                    self._untold[first + nth] = [(queue, tail + nth) for queue, tail in heads], message

    def has_told(self, frames: bytes) -> None:
        """These acks and nacks are with the publisher."""
        ledger = self.connection.ledger
        if ledger is None or not self._untold:
            return
        for is_ack, number, multiple in told(frames):
            numbers = [one for one in self._untold if one <= number] if multiple else [number]
            for one in numbers:
                places, message = self._untold.pop(one, ((), None))
                if is_ack and message is not None:
                    ledger.confirm(self.connection.vhost.name, places, message)

    def keep_confirm(self, number: int, rule: "Rule") -> None:
        """The publisher is not told of this publish."""
        assert self.confirms is not None
        if self._kept is None:
            before_is_due = self.confirms.told < number - 1
            self._kept = KeptConfirms(self.number, number, before_is_due, self.connection.confirm_is_due)
        self._kept.keep(number, rule)

    def take_confirms(self, done_number: int) -> bytes:
        """Those that are to be told now."""
        assert self.confirms is not None
        frames = self.confirms.take_frames(done_number)
        return frames if self._kept is None else self._kept.through(frames)

    def tell_confirms(self, rule: "Rule") -> None:
        """Those that a rule has kept."""
        if self._kept is not None and (frames := self._kept.let_go(rule)):
            self.connection.wire.write(frames)
            self.has_told(frames)

    def cancel_consumer(self, tag: str) -> None:
        """Ends a consumer, and tells its client if it asked for that."""
        queue = self.consumers[tag].queue
        self.remove_consumer(tag)
        if self.connection.has_capability("consumer_cancel_notify"):
            self.reply(Basic.Cancel(consumer_tag=tag, nowait=True))
        queue.drain()
