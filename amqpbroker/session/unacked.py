"""What a channel's client has and has not acknowledged."""

from itertools import repeat, takewhile

from amqpbroker.errors import PRECONDITION_FAILED, AMQPError
from amqpbroker.model.message import Message

Entry = tuple[int, Message, int]
"""(position in the queue, message, number of the consumer); ints and tuples, so that the collector lets go of it."""


class Unacked:
    """entries: by delivery tag, in order of delivery.

    A `multiple` walks the tags from a cursor on, so that each is looked at once in a channel's life, however many are
    outstanding.
    """

    __slots__ = ("_lowest", "entries")

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self._lowest = 1

    def take(self, tag: int, multiple: bool) -> list[Entry]:
        """Removes one entry, or all up to a tag, oldest first; tag 0 with multiple means all.

        Raises 406: there is no such tag.
        """
        entries = self.entries
        if not multiple:
            entry = entries.pop(tag, None)
            if entry is None:
                raise unknown_tag(tag)
            return [entry]
        if tag == 0:
            taken = list(entries.values())
            entries.clear()
            return taken
        if tag not in entries:
            raise unknown_tag(tag)
        lowest, self._lowest = self._lowest, tag + 1
        if tag + 1 - lowest > 2 * len(entries):
            # Most were delivered without acknowledgement, or acknowledged before: those that are there are fewer.
            return [entries.pop(one) for one in list(takewhile(tag.__ge__, entries))]
        return list(filter(None, map(entries.pop, range(lowest, tag + 1), repeat(None))))

    def restore(self, entries: dict[int, Entry]) -> None:
        """Puts back what was taken: tx.rollback."""
        self.entries = dict(sorted((self.entries | entries).items()))
        self._lowest = min(self.entries, default=self._lowest)


def unknown_tag(tag: int) -> AMQPError:
    return AMQPError(PRECONDITION_FAILED, f"unknown delivery tag {tag}")
