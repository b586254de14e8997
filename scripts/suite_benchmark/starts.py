"""A thousand brokers started and stopped in one process, each with a client: what is left of them."""

import gc
import os
import threading
import time
from pathlib import Path
from typing import Final

import pika

from amqpbroker.testing import Broker

START_COUNT: Final = 1_000
_WARM_COUNT: Final = 100
_GROWTH_MAX_KIB: Final = 4_096
_PAGE_KIB: Final = os.sysconf("SC_PAGE_SIZE") // 1024


def _used() -> None:
    with Broker() as broker:
        channel = pika.BlockingConnection(pika.URLParameters(broker.url)).channel()
        channel.queue_declare("tasks")
        channel.basic_publish("", "tasks", b"first")
        channel.connection.close()


def _left() -> dict[str, int]:
    gc.collect()
    return {
        "threads": threading.active_count(),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "objects": len(gc.get_objects()),
        "KiB resident": int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KIB,
    }


def starts_and_stops() -> int:
    """Prints what there was before and after; 1 if anything has grown. Needs /proc."""
    for _ in range(_WARM_COUNT):
        _used()
    before, begin_s = _left(), time.perf_counter()
    for _ in range(START_COUNT):
        _used()
    took_s, after = time.perf_counter() - begin_s, _left()
    print(f"{START_COUNT} starts, each with a client, and stops in {took_s:.1f} s")
    for what, count in before.items():
        print(f"{what}: {count} before, {after[what]} after")
    grown_kib = after["KiB resident"] - before["KiB resident"]
    has_grown = any(after[what] > before[what] for what in ("threads", "descriptors"))
    return int(has_grown or after["objects"] > before["objects"] + START_COUNT or grown_kib > _GROWTH_MAX_KIB)
