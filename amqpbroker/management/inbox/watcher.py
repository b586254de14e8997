"""Who has the page open: what is new is handed over in batches, and who does not take them is left behind."""

import asyncio
from typing import Final

from amqpbroker.management.inbox.entry import Entry

# Some seconds of a busy broker, and no more than the inbox itself keeps.
BATCHES_MAX: Final = 100
BYTES_MAX: Final = 16_777_216


class News:
    """What has happened in a window. skipped_count: messages that came and were not taken in."""

    __slots__ = ("changed", "entries", "skipped_count")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.changed: dict[Entry, None] = {}
        self.skipped_count = 0

    def __bool__(self) -> bool:
        return bool(self.entries or self.changed or self.skipped_count)

    @property
    def size_bytes(self) -> int:
        """About what is kept in memory for it."""
        return sum(entry.size_bytes for entry in self.entries)


class Watcher:
    """is_behind: it has not taken what was there for it, and gets nothing more; what was there is forgotten."""

    def __init__(self) -> None:
        self.is_behind = False
        self._waiting_bytes = 0
        self._batches: asyncio.Queue[News | None] = asyncio.Queue()

    def tell(self, news: News) -> None:
        """Something has happened."""
        if self.is_behind:
            return
        self._waiting_bytes += news.size_bytes
        waiting = self._batches.qsize()
        if waiting >= BATCHES_MAX or (waiting and self._waiting_bytes > BYTES_MAX):
            self.end()
        else:
            self._batches.put_nowait(news)

    def end(self) -> None:
        """Nothing more is told."""
        self.is_behind = True
        while not self._batches.empty():
            self._batches.get_nowait()
        self._batches.put_nowait(None)

    async def next(self, timeout_s: float) -> News | None:
        """What has happened; nothing if that takes longer. None: that was all."""
        try:
            async with asyncio.timeout(timeout_s):
                news = await self._batches.get()
        except TimeoutError:
            return News()
        if news is not None:
            self._waiting_bytes -= news.size_bytes
        return news
