"""Who has the page open: what is new is handed over in batches, and who does not take them is left behind."""

import asyncio
from typing import Final

from amqpbroker.management.inbox.entry import Entry

# Some seconds of a busy broker.
BATCHES_MAX: Final = 100


class News:
    """What has happened in a window. skipped_count: messages that came and were not taken in."""

    __slots__ = ("changed", "entries", "skipped_count")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.changed: dict[Entry, None] = {}
        self.skipped_count = 0

    def __bool__(self) -> bool:
        return bool(self.entries or self.changed or self.skipped_count)


class Watcher:
    """is_behind: it has not taken what was there for it, and gets nothing more."""

    def __init__(self) -> None:
        self.is_behind = False
        self._batches: asyncio.Queue[News | None] = asyncio.Queue(BATCHES_MAX)

    def tell(self, news: News) -> None:
        """Something has happened."""
        if self._batches.full():
            self.is_behind = True
        elif not self.is_behind:
            self._batches.put_nowait(news)

    def end(self) -> None:
        """Nothing more will happen."""
        self.is_behind = True
        if not self._batches.full():
            self._batches.put_nowait(None)

    async def next(self, timeout_s: float) -> News | None:
        """What has happened; nothing if that takes longer. None: that was all."""
        if self.is_behind and self._batches.empty():
            return None
        try:
            async with asyncio.timeout(timeout_s):
                return await self._batches.get()
        except TimeoutError:
            return News()
