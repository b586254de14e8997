"""What a reset has left: virtual hosts that nobody is in, and a history. The memory of it is given back a little later,
in small steps, so that neither the test that asked for the reset nor the next one waits for all of it.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from amqpbroker.model.queue import Queue
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.queues.priority import PriorityQueue
from amqpbroker.model.queues.stream import StreamQueue
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.testing.inspection.history import Run

# The caller of a reset goes on first; then others have a turn between steps.
_BEGIN_AFTER_S: Final = 0.002
_STEP_S: Final = 0.0003


class Leftovers:
    """Those of one broker; never more than one reset has left."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._steps: Iterator[None] = iter(())
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return self._timer is None

    def take(self, vhosts: Sequence[VirtualHost], runs: deque[Run]) -> None:
        """These are to be let go of; what an earlier reset has left is gone first."""
        self.let_go()
        self._steps = _steps(list(vhosts), runs)
        self._timer = self._loop.call_later(_BEGIN_AFTER_S, self._step)

    def let_go(self) -> None:
        """Nothing is left from now on."""
        for _ in self._steps:
            pass
        self._end()

    def _step(self) -> None:
        self._timer = None
        until_s = self._loop.time() + _STEP_S
        for _ in self._steps:
            if self._loop.time() >= until_s:
                self._timer = self._loop.call_later(0, self._step)
                return
        self._end()

    def _end(self) -> None:
        self._steps = iter(())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _steps(vhosts: list[VirtualHost], runs: deque[Run]) -> Iterator[None]:
    # What is shared by history and queues goes when the second of them lets go of it.
    while runs:
        runs.pop()
        yield
    while vhosts:
        vhost = vhosts.pop()
        while vhost.queues:
            _, queue = vhost.queues.popitem()
            for part in _parts(queue):
                _let_go_of(part)
                yield
        vhost.exchanges.clear()


def _parts(queue: Queue) -> Sequence[Queue]:
    return list(queue.parts.values()) if isinstance(queue, PriorityQueue) else [queue]


def _let_go_of(queue: Queue) -> None:
    queue.rules = None
    queue.ready.clear()
    queue.requeued.clear()
    if isinstance(queue, PagedQueue):
        queue.held.clear()
    elif isinstance(queue, StreamQueue):
        queue.recent.clear()
