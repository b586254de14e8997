"""Publisher confirms: numbers for publishes, and acks for what is taken care of, as few as will do."""

from amqpbroker.wire.methods import Basic, encode_frame


class Confirms:
    """Counts from 1 from confirm.select on. published: the last number given out."""

    __slots__ = ("_channel", "_settled", "published")

    def __init__(self, channel: int) -> None:
        self._channel = channel
        self.published = 0
        self._settled = 0

    def take_frames(self) -> bytes:
        """The acks for all that was published since the last call."""
        count = self.published - self._settled
        if not count:
            return b""
        self._settled = self.published
        return encode_frame(self._channel, Basic.Ack(delivery_tag=self.published, multiple=count > 1))
