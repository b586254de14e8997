"""Faults of publishes: refused, returned, duplicated, blocked; their confirms withheld or lost."""

from typing import TYPE_CHECKING, Any

from amqpbroker.testing.faults.fault import PublishFault
from amqpbroker.testing.faults.sockets import BLACK_HOLE, HOWS, How, check_how

if TYPE_CHECKING:
    from amqpbroker.testing.faults.publish import Publish
    from amqpbroker.testing.faults.rule import Rule
    from amqpbroker.testing.faults.rules import Rules


class NackPublishes(PublishFault):
    """No queue gets the message."""

    name = "nack_publishes"

    def strike(self, rule: "Rule", publish: "Publish") -> None:
        publish.is_refused = True


class ReturnPublishes(PublishFault):
    """As if no queue was bound."""

    name = "return_publishes"

    def strike(self, rule: "Rule", publish: "Publish") -> None:
        publish.is_returned = True


class DuplicatePublishes(PublishFault):
    """copies: so many more than one. Raises ValueError."""

    name = "duplicate_publishes"

    def __init__(self, copies: int) -> None:
        if copies < 1:
            raise ValueError(f"copies={copies!r}: give a whole number, 1 or more")
        self._copies = copies

    def arguments(self) -> dict[str, Any]:
        return {"copies": self._copies}

    def strike(self, rule: "Rule", publish: "Publish") -> None:
        publish.copies += self._copies


class WithholdConfirms(PublishFault):
    """Neither ack nor nack until the rule ends."""

    name = "withhold_confirms"
    holds = True

    def strike(self, rule: "Rule", publish: "Publish") -> None:
        publish.keeps_confirm = rule

    def end(self, rules: "Rules", rule: "Rule") -> None:
        for channel in rules.channels():
            channel.tell_confirms(rule)


class LoseConfirms(PublishFault):
    """The message is taken care of, and nobody is told. drop: what becomes of the connection then; None: nothing."""

    name = "lose_confirms"

    def __init__(self, drop: "How | None") -> None:
        if drop is not None:
            check_how("drop", drop, HOWS)
        self.drop = drop
        self.holds = drop == BLACK_HOLE

    def arguments(self) -> dict[str, Any]:
        return {"drop": self.drop}

    def strike(self, rule: "Rule", publish: "Publish") -> None:
        publish.keeps_confirm = rule


class BlockPublishers(PublishFault):
    """Who publishes is told connection.blocked, and read no more until the rule ends. reason: the text."""

    name = "block_publishers"
    holds = True

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def arguments(self) -> dict[str, Any]:
        return {"reason": self._reason}

    def strike(self, rule: "Rule", publish: "Publish") -> None:
        publish.blocks = (self._reason, rule)

    def end(self, rules: "Rules", rule: "Rule") -> None:
        for socket in rules.sockets():
            socket.session.unblock(rule)
