"""Publisher confirms: numbers for publishes, and acks for what is taken care of, as few as will do.

What is recorded in the journal waits until it is on disk; what is not is confirmed at once, ahead of it if need be. An
ack for many never passes the lowest number that waits, so numbers above that are confirmed one by one, as RabbitMQ does
(`rabbit_channel:coalesce_and_send`).
"""

from collections import deque

from amqpbroker.wire.hot import ack_prefix, lay_ack, lay_nack


class Confirms:
    """Counts from 1 from confirm.select on. published: the last number given out. refused: how many got a nack."""

    __slots__ = ("_ahead", "_prefix", "_ready", "_refused", "_told", "_waiting", "published", "refused")

    def __init__(self, channel: int) -> None:
        self._prefix = ack_prefix(channel)
        self.published = 0
        self.refused = 0
        # The last number that waits for nothing, and has none before it that waits.
        self._ready = 0
        # The last number that was told with all before it.
        self._told = 0
        # (first number, last number, what of the journal has to be on disk), in order.
        self._waiting: deque[tuple[int, int, int]] = deque()
        # (first number, last number) that wait for nothing, behind some that do.
        self._ahead: list[tuple[int, int]] = []
        # Numbers of what was not taken, and was not told yet.
        self._refused: list[int] = []

    def add(self, count: int) -> None:
        """Messages were published that need nothing more."""
        first = self.published + 1
        self.published += count
        if self._waiting:
            self._ahead.append((first, self.published))
        else:
            self._ready = self.published

    def wait(self, count: int, number: int) -> None:
        """Messages were published that are taken care of when the journal has written so far. Numbers never go back."""
        first = self.published + 1
        self.published += count
        if self._waiting and self._waiting[-1][2] == number and self._waiting[-1][1] == first - 1:
            first = self._waiting.pop()[0]
        self._waiting.append((first, self.published, number))

    def refuse(self) -> None:
        """A message was published that a queue did not take: its number gets a nack."""
        self.published += 1
        self.refused += 1
        self._refused.append(self.published)
        if not self._waiting:
            self._ready = self.published

    def take_frames(self, done_number: int) -> bytes:
        """The acks for all that is taken care of and was not told yet. done_number: how far the journal has written."""
        waiting = self._waiting
        top = self._ready
        while waiting and waiting[0][2] <= done_number:
            top = waiting.popleft()[1]
        singles = []
        for first, last in self._ahead:
            if waiting and last > waiting[0][0]:
                singles += [lay_ack(self._prefix, number, multiple=False) for number in range(first, last + 1)]
            else:
                top = max(top, last)
        self._ahead.clear()
        told, self._told = self._told, max(self._told, top)
        self._ready = self._told
        frames = []
        if self._refused:
            # In front: an ack for many may go over their numbers, and changes nothing of what was told before.
            frames = [lay_nack(self._prefix, number) for number in self._refused]
            for number in reversed(self._refused):
                if number == top:
                    top -= 1
            self._refused.clear()
        if top > told:
            frames.append(lay_ack(self._prefix, top, multiple=top - told > 1))
        if not waiting:
            # Those ahead were told one by one.
            self._told = self._ready = self.published
        return b"".join(frames + singles)

    @property
    def told(self) -> int:
        """The last number that was told with all before it."""
        return self._told

    @property
    def unconfirmed(self) -> int:
        """How many messages wait for their confirm."""
        return sum(last - first + 1 for first, last, _ in self._waiting)

    @property
    def confirmed(self) -> int:
        """How many messages are taken care of."""
        return self.published - self.refused - self.unconfirmed

    def waits_beyond(self, done_number: int) -> bool:
        """Whether anything waits for more of the journal than that."""
        return bool(self._waiting) and self._waiting[-1][2] > done_number

    def give_up(self) -> list[tuple[int, int]]:
        """The numbers that wait, as (first, last): they wait no more, and nobody has told anything about them."""
        waiting = [(first, last) for first, last, _ in self._waiting]
        self.refused += self.unconfirmed
        self._waiting.clear()
        self._ready = self._told = self.published
        return waiting
