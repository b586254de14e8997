"""Publisher confirms: numbers for publishes, and acks for what is taken care of, as few as will do."""

from amqpbroker.wire.hot import ack_prefix, lay_ack


class Confirms:
    """Counts from 1 from confirm.select on. published: the last number given out."""

    __slots__ = ("_prefix", "_settled", "published")

    def __init__(self, channel: int) -> None:
        self._prefix = ack_prefix(channel)
        self.published = 0
        self._settled = 0

    def take_frames(self) -> bytes:
        """The acks for all that was published since the last call."""
        count = self.published - self._settled
        if not count:
            return b""
        self._settled = self.published
        return lay_ack(self._prefix, self.published, multiple=count > 1)
