"""When publishers are held back: messages take more memory than they may, or the disk is nearly full.

What decides is counted, not measured: CPython does not give the memory of messages back to the system when they are
gone, so a process that was once above the watermark would seem to be there for ever.
"""

import logging
from collections.abc import Callable

from amqpbroker.limits import ALARM_LOOK_BYTES, ALARM_LOOK_S, DISK_LOOK_S, MEMORY_CLEAR_SHARE
from amqpbroker.model.broker import DISK, MEMORY, Broker
from amqpbroker.model.deadlines import Deadline
from amqpbroker.server.ticker import Ticker

logger = logging.getLogger("amqpbroker.alarms")

# A look takes longer with more queues and connections; so many times as long passes until the next.
_REST_PER_LOOK = 20


class Alarms:
    """Raises and clears the broker's alarms, while anything is read and while one is up; idle, it costs nothing.

    octets_read: since the last look; whoever reads adds to it, and calls `have_read` once it is look_at_octets.
    watermark_bytes: from so much on that messages take, publishers are held back.
    """

    def __init__(
        self,
        broker: Broker,
        ticker: Ticker,
        *,
        watermark_bytes: int,
        accounted_bytes: Callable[[], int],
        disk_free_limit_bytes: int,
        free_bytes: Callable[[], int] | None,
    ) -> None:
        """accounted_bytes: what messages take. free_bytes: of the disk, may raise OSError; None: nothing is on disk."""
        self.octets_read = 0
        self.look_at_octets = 1
        self._broker = broker
        self._ticker = ticker
        self.watermark_bytes = watermark_bytes
        self._clear_bytes = watermark_bytes * MEMORY_CLEAR_SHARE
        self._accounted_bytes = accounted_bytes
        self._disk_free_limit_bytes = disk_free_limit_bytes
        self._free_bytes = free_bytes
        self._disk_due_s = 0.0
        self._rest_s = ALARM_LOOK_S
        self._timer: Deadline | None = None

    def have_read(self) -> None:
        """Octets were read: the first ones after a rest are looked at soon, many of them now."""
        if self._timer is None:
            self._look_later()
        else:
            self.look()

    def look(self) -> None:
        """Decides now, and goes on looking while an alarm is up."""
        self._look(with_disk=True)

    def _look(self, with_disk: bool) -> None:
        began_s = self._ticker.now_s()
        self.octets_read = 0
        self._look_at_memory()
        if with_disk and self._free_bytes is not None:
            self._look_at_disk(self._free_bytes)
        ended_s = self._ticker.now_s()
        if with_disk:
            self._disk_due_s = ended_s + DISK_LOOK_S
        self._rest_s = max(ALARM_LOOK_S, _REST_PER_LOOK * (ended_s - began_s))
        if self._timer is None:
            self._look_later()

    def _look_later(self) -> None:
        self.look_at_octets = ALARM_LOOK_BYTES
        self._timer = self._ticker.at(self._ticker.now_s() + self._rest_s, self._due)

    def _due(self) -> None:
        self._timer = None
        if self.octets_read or self._broker.alarms:
            self._look(with_disk=self._ticker.now_s() >= self._disk_due_s)
        else:
            self.look_at_octets = 1

    def _look_at_memory(self) -> None:
        used_bytes = self._accounted_bytes()
        is_up = MEMORY in self._broker.alarms
        if not is_up and used_bytes >= self.watermark_bytes:
            logger.info("vm_memory_high_watermark set. Memory used:%d allowed:%d", used_bytes, self.watermark_bytes)
            self._broker.raise_alarm(MEMORY)
        elif is_up and used_bytes < self._clear_bytes:
            logger.info("vm_memory_high_watermark clear. Memory used:%d allowed:%d", used_bytes, self.watermark_bytes)
            self._broker.clear_alarm(MEMORY)

    def _look_at_disk(self, free_bytes_now: Callable[[], int]) -> None:
        limit_bytes = self._disk_free_limit_bytes
        is_up = DISK in self._broker.alarms
        try:
            free_bytes = free_bytes_now()
        except OSError as error:
            # As RabbitMQ: a disk that cannot be asked is taken for full.
            if not is_up:
                logger.error("the disk does not say what it has free: %s", error)
            free_bytes = -1
        if not is_up and free_bytes < limit_bytes:
            logger.info("Free disk space is insufficient. Free bytes: %d. Limit: %d", free_bytes, limit_bytes)
            self._broker.raise_alarm(DISK)
        elif is_up and free_bytes >= limit_bytes:
            logger.info("Free disk space is sufficient. Free bytes: %d. Limit: %d", free_bytes, limit_bytes)
            self._broker.clear_alarm(DISK)
