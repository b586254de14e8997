"""What a broker in a test suite leaves behind, and what it touches of the process: nothing."""

import asyncio
import gc
import logging
import os
import signal
import sys
import tempfile
import threading
import warnings
from pathlib import Path
from urllib.request import urlopen

import aio_pika
import pika
import pytest

from amqpbroker.model import broker as model
from amqpbroker.testing import AsyncBroker, Broker
from amqpbroker.testing.server import ObservedServer

STARTS = 100


@pytest.fixture(autouse=True)
def temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In which nobody but this test leaves anything."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def use(url: str) -> None:
    """One client, which leaves without a word."""
    channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
    channel.queue_declare("tasks")
    channel.basic_publish("", "tasks", b"first")
    channel.connection._impl._transport.abort()


def left_behind() -> dict[str, object]:
    """What there is one more of with each broker that leaves something."""
    gc.collect()
    kinds = (ObservedServer, model.Broker, Broker, AsyncBroker, asyncio.Task, asyncio.SelectorEventLoop)
    found: dict[str, object] = dict.fromkeys((kind.__name__ for kind in kinds), 0)
    for thing in gc.get_objects():
        if type(thing) in kinds:
            found[type(thing).__name__] = int(found[type(thing).__name__]) + 1  # type: ignore[call-overload]
    descriptors = Path("/proc/self/fd")
    found["descriptors"] = len(list(descriptors.iterdir())) if descriptors.exists() else 0
    found["threads"] = threading.active_count()
    found["files"] = sorted(os.listdir(tempfile.gettempdir()))
    return found


def test_brokers_with_threads_leave_nothing():
    with Broker() as broker:
        use(broker.url)
    before = left_behind()
    for _ in range(STARTS):
        with Broker() as broker:
            broker.clock.advance("1m")
    with Broker() as broker:
        use(broker.url)
    assert left_behind() == before


async def test_brokers_on_a_loop_leave_nothing():
    async def used() -> None:
        async with AsyncBroker() as broker, await aio_pika.connect(broker.url) as connection:
            await (await connection.channel()).declare_queue("tasks")

    async def advanced() -> None:
        async with AsyncBroker() as broker:
            await broker.clock.advance("1m")

    await used()
    before = left_behind()
    for _ in range(STARTS):
        await advanced()
    await used()
    assert left_behind() == before


def of_the_process() -> dict[str, object]:
    """What a process has one of."""
    return {
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "switch interval": sys.getswitchinterval(),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "loop policy": asyncio.get_event_loop_policy(),
        "log": (logging.root.level, list(logging.root.handlers), logging.getLoggerClass(), logging.logThreads),
        "levels": {
            name: (logger.level, list(logger.handlers), logger.propagate)
            for name, logger in logging.root.manager.loggerDict.items()
            if isinstance(logger, logging.Logger) and (logger.level or logger.handlers or not logger.propagate)
        },
        "hooks": (sys.excepthook, threading.excepthook, sys.unraisablehook, sys.gettrace(), sys.getprofile()),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "directory": os.getcwd(),
    }


@pytest.mark.parametrize("http", [False, True])
def test_a_broker_with_a_thread_touches_nothing_of_the_process(http):
    before = of_the_process()
    with Broker(http=http) as broker:
        use(broker.url)
        if http:
            urlopen(broker.http_url).close()
        assert of_the_process() == before
    assert of_the_process() == before


async def test_a_broker_on_a_loop_touches_nothing_of_the_process():
    before = of_the_process()
    async with AsyncBroker(), AsyncBroker():
        assert of_the_process() == before
    assert of_the_process() == before
