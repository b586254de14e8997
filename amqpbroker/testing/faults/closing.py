"""Faults that the broker tells: connections and channels closed with a code, consumers cancelled."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from amqpbroker.errors import CHANNEL_CODES, NAMES, REPLY_SUCCESS, AMQPError
from amqpbroker.testing.faults.acts import Act
from amqpbroker.testing.faults.frame import Frame
from amqpbroker.testing.faults.occasion import Occasion

if TYPE_CHECKING:
    from amqpbroker.testing.faults.rule import Rule
    from amqpbroker.testing.faults.rules import Rules


class CloseConnections(Act):
    """connection.close with a code and a text. Raises ValueError."""

    name = "close_connections"

    def __init__(self, code: int, text: str, on: str | None) -> None:
        super().__init__(on)
        if code not in NAMES or code == REPLY_SUCCESS:
            known = ", ".join(f"{one} {NAMES[one]}" for one in sorted(NAMES) if one != REPLY_SUCCESS)
            raise ValueError(f"code={code!r}: there are {known}")
        self._code = code
        self._text = text

    def arguments(self) -> dict[str, Any]:
        return {"code": self._code, "text": self._text} | super().arguments()

    def act(self, rules: "Rules", rule: "Rule", occasion: Occasion) -> bool:
        occasion.socket.close_with(self._code, self._text)
        return not isinstance(occasion, Frame) or occasion.from_client


class CloseChannels(Act):
    """channel.close with a code and a text. Raises ValueError."""

    name = "close_channels"

    def __init__(self, code: int, text: str, on: str | None) -> None:
        super().__init__(on)
        if code not in CHANNEL_CODES:
            known = ", ".join(f"{one} {NAMES[one]}" for one in sorted(CHANNEL_CODES))
            raise ValueError(f"code={code!r} closes no channel; {known} do, for others use close_connections")
        self._code = code
        self._text = text

    def arguments(self) -> dict[str, Any]:
        return {"code": self._code, "text": self._text} | super().arguments()

    def targets(self, rules: "Rules") -> Iterable[Occasion]:
        for channel in rules.channels():
            queues = {consumer.queue.name for consumer in channel.consumers.values()}
            yield Occasion("channel", channel.connection.socket, channel.number, queues=queues)

    def act(self, rules: "Rules", rule: "Rule", occasion: Occasion) -> bool:
        session = occasion.socket.session
        if occasion.channel not in session.channels:
            return False
        session.wire.fail_channel(occasion.channel, AMQPError(self._code, self._text, (0, 0)))
        return not isinstance(occasion, Frame) or occasion.from_client


class CancelConsumers(Act):
    """basic.cancel by the broker, as when a queue goes."""

    name = "cancel_consumers"

    def targets(self, rules: "Rules") -> Iterable[Occasion]:
        for channel in rules.channels():
            for consumer in channel.consumers.values():
                socket = channel.connection.socket
                yield Consuming("consumer", socket, channel.number, queues=(consumer.queue.name,), tag=consumer.tag)

    def act(self, rules: "Rules", rule: "Rule", occasion: Occasion) -> bool:
        channel = occasion.socket.session.observed_channel(occasion.channel)
        if channel is None:
            return False
        tags = [occasion.tag] if isinstance(occasion, Consuming) else list(channel.consumers)
        for tag in tags:
            queue = channel.consumers[tag].queue.name
            if not isinstance(occasion, Frame) or not occasion.queues or queue in occasion.queues:
                channel.cancel_consumer(tag)
        return isinstance(occasion, Frame) and occasion.from_client


class Consuming(Occasion):
    """A consumer that is there."""

    def __init__(self, *arguments: Any, tag: str, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.tag = tag
