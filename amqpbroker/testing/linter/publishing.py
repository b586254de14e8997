"""What clients publish, and where it goes."""

from collections.abc import Sequence
from typing import Final

from amqpbroker.model.exchange import Exchange
from amqpbroker.model.message import FLAGS, PERSISTENT, Message, split_address
from amqpbroker.model.queue import Queue
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.profiles import PROFILES
from amqpbroker.session.channel import Channel
from amqpbroker.session.reply_to import is_reply_to
from amqpbroker.testing.linter.findings import Findings, Place
from amqpbroker.testing.linter.places import place_of
from amqpbroker.testing.linter.rules import (
    LargeMessageWarning,
    MandatoryReplyWarning,
    NoConfirmsWarning,
    UnboundedQueueWarning,
    UnroutableWarning,
)

# As many wait in a queue without limit before that is told.
READY_MAX: Final = 10_000
_MESSAGE_MAX_BYTES: Final = PROFILES["4.2"].message_size_max_bytes
# Names that the broker makes up: whoever had asked and is gone left one behind.
_GENERATED: Final = "amq."
_NAMES_MAX: Final = 100_000


class Publishing:
    """Remembers names of queues: who replies to one that is gone has done nothing wrong."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        # By virtual host and name; the oldest first.
        self._names: dict[tuple[str, str], None] = {}

    def declared(self, channel: Channel, queue: str) -> None:
        """A client has wanted a queue of this name."""
        self._names[channel.connection.vhost.name, queue] = None
        if len(self._names) > _NAMES_MAX:
            del self._names[next(iter(self._names))]

    def published(
        self, channel: Channel, exchange: Exchange, queues: Sequence[Queue], messages: Sequence[Message]
    ) -> None:
        """A client has, to these queues."""
        durable = next((queue for queue in queues if queue.durable), None)
        if durable is not None and channel.confirms is None and channel.transaction is None:
            self._unconfirmed(channel, exchange, durable, messages)
        if channel.connection.vhost.profile.series < (4, 0):
            self._large(channel, exchange, messages)

    def _unconfirmed(self, channel: Channel, exchange: Exchange, queue: Queue, messages: Sequence[Message]) -> None:
        if any(flags & PERSISTENT for flags in map(FLAGS, messages)):
            what = "a persistent message is published to a durable queue without publisher confirms"
            self._findings.add(NoConfirmsWarning, what, place_of(channel, exchange=exchange.name, queue=queue.name))

    def _large(self, channel: Channel, exchange: Exchange, messages: Sequence[Message]) -> None:
        largest = max(len(body) for _, _, body, _ in messages)
        if largest > _MESSAGE_MAX_BYTES:
            what = f"a message of {largest} octets is published"
            self._findings.add(LargeMessageWarning, what, place_of(channel, exchange=exchange.name))

    def grown(self, vhost: VirtualHost, queues: Sequence[Queue], messages: Sequence[Message]) -> None:
        """Messages are about to be put into these queues."""
        for queue in queues:
            waiting = queue.message_count + len(messages)
            if waiting > READY_MAX and _is_unbounded(queue):
                what = f"more than {READY_MAX} messages wait in a queue without limit"
                self._findings.add(UnboundedQueueWarning, what, Place(vhost.name, queue=queue.name))

    def returned(self, channel: Channel, exchange: Exchange, messages: Sequence[Message]) -> None:
        """Mandatory messages go back to their publisher. Since 4.2 none does that was for somebody's answers."""
        if exchange.name or channel.connection.vhost.profile.series >= (4, 2):
            return
        if any(is_reply_to(split_address(message[0])[1]) for message in messages):
            what = "a mandatory message to a direct reply-to name is returned"
            self._findings.add(MandatoryReplyWarning, what, place_of(channel))

    def lost(self, channel: Channel, exchange: Exchange, messages: Sequence[Message]) -> None:
        """Messages are dropped, as no queue takes them and nobody asked for them back.

        Through another exchange than the default one that may be meant: nobody has subscribed.
        """
        if exchange.name:
            return
        vhost = channel.connection.vhost.name
        for address in {message[0] for message in messages}:
            name = split_address(address)[1]
            if not name.startswith(_GENERATED) and (vhost, name) not in self._names:
                what = f"a message is published to '{name}', and there is no such queue"
                self._findings.add(UnroutableWarning, what, place_of(channel, queue=name))


def _is_unbounded(queue: Queue) -> bool:
    settings = queue.settings
    return not settings.has_limit and settings.message_ttl_ms is None and settings.max_age is None
