"""A message that a client publishes, and what faults make of it."""

from typing import TYPE_CHECKING

from amqpbroker.model.message import Message, split_address
from amqpbroker.session.publishing import RouteGroup
from amqpbroker.testing.faults.occasion import Occasion

if TYPE_CHECKING:
    from amqpbroker.testing.faults.channel import FaultyChannel
    from amqpbroker.testing.faults.rule import Rule
    from amqpbroker.testing.faults.rules import Rules


class Publish(Occasion):
    """is_refused: no queue gets it, and its publisher a nack. is_returned: it goes back as if no queue was bound.

    copies: how many more times the queues get it. keeps_confirm: the rule by which its publisher is not told of it.
    blocks: why its connection is blocked after it, and by which rule; None: it is not.
    """

    def __init__(self, channel: "FaultyChannel", group: RouteGroup, message: Message) -> None:
        exchange, routing_key = split_address(message[0])
        super().__init__(
            "basic.publish",
            channel.connection.socket,
            channel.number,
            exchange=exchange,
            routing_key=routing_key,
            queues=[queue.name for queue in group.queues],
        )
        self._channel = channel
        self._group = group
        self._message = message
        self.is_refused = False
        self.is_returned = False
        self.copies = 0
        self.keeps_confirm: Rule | None = None
        self.blocks: tuple[str, Rule] | None = None

    def carry_out(self) -> None:
        """The message goes where it goes, or not."""
        channel = self._channel
        group, message = self._group, self._message
        if self.is_refused:
            # As from a queue that is full: only who has asked for confirms hears of it.
            if channel.confirms is not None:
                channel.confirms.refuse()
                channel.connection.confirms_due(channel)
            channel.publish_nowhere(group, message, is_mandatory=False)
        elif self.is_returned:
            channel.confirm_nowhere(group, message)
            channel.publish_nowhere(group, message, is_mandatory=channel.is_mandatory)
        else:
            channel.publish_unharmed(group, message)
            for _ in range(self.copies):
                channel.publish_again(group, message)
        if self.keeps_confirm is not None and channel.confirms is not None:
            channel.keep_confirm(channel.confirms.published, self.keeps_confirm)
        if self.blocks is not None:
            channel.connection.block(*self.blocks)


def strike(rules: "Rules", channel: "FaultyChannel", group: RouteGroup, message: Message) -> None:
    """Faults do to a message what they do, in the order of their rules; then it is published, or not."""
    publish = Publish(channel, group, message)
    for rule, fault in rules.on_publish:
        if rule.strikes(publish):
            fault.strike(rule, publish)
    publish.carry_out()
