"""What the protocol asks of the room above it, once per method or per run of hot frames."""

from typing import Protocol

from amqpbroker.wire.hot import PublishLane
from amqpbroker.wire.methods import Method


class ChannelHandler(Protocol):
    """An open channel. Every call may raise AMQPError, but for `closed`."""

    lane: PublishLane

    def before_publishes(self) -> None:
        """A run of publishes is about to be read by the lane."""

    def publish(self, method: bytes, header: bytes, body: bytes) -> None:
        """A publish that the lane did not take. method: the payload of its frame."""

    def publish_announced(self, body_bytes: int) -> None:
        """A content header came: may a message be that large?"""

    def acknowledge(self, acks: list[tuple[int, bool]]) -> None:
        """Consecutive basic.acks: (delivery tag, multiple)."""

    def discard(self, discards: list[tuple[int, bool]]) -> None:
        """Consecutive basic.rejects or basic.nacks of what is not wanted back: (delivery tag, multiple)."""

    def method(self, method: Method) -> None:
        """Any other method."""

    def expand_queue(self, name: str) -> str:
        """The queue that a name stands for: an empty one for the last declared. Raises 404."""

    def closed(self) -> None:
        """The channel is no more, by either side's wish or with its connection."""


class ConnectionHandler(Protocol):
    """A connection. Every call may raise AMQPError, but for `closed`."""

    def authenticate(self, mechanism: str, user: str, password: bytes | None) -> None:
        """password: None with a mechanism that sends none, to which the user is known by other means. Raises 403."""

    def open(self, vhost: str) -> None:
        """Raises 530: no such virtual host, or not for this user."""

    def update_secret(self, secret: bytes) -> None:
        """The client has new credentials."""

    def open_channel(self, number: int) -> ChannelHandler:
        """A channel was opened."""

    def touched(self) -> None:
        """The outbox holds something; called once until it is taken."""

    def closed(self) -> None:
        """The connection is no more: what it held is released. Called once, if it was opened."""
