"""Clients of the experiment: every message is acknowledged, and how long it waited is written down."""

import asyncio
import multiprocessing
from pathlib import Path

import pika

from benchmark.brokers import AMQPBROKER, HOST, RunningBroker
from experiment.traffic import Received, Traffic, consume, publish


async def test_every_message_is_worked_on_and_its_wait_is_known(tmp_path: Path):
    with RunningBroker(AMQPBROKER, tmp_path / "broker") as broker:
        broker.wait_until_ready().close()
        url = f"amqp://guest:guest@{HOST}:{broker.port}/"
        with pika.BlockingConnection(pika.URLParameters(url)) as connection:
            channel = connection.channel()
            channel.queue_declare("tasks")
            traffic = Traffic(url, "tasks", 400.0, 0.002, consumers=2, customers=60, seed=1)
            source, target = multiprocessing.Pipe(duplex=False)
            loop = asyncio.get_running_loop()
            await asyncio.gather(consume(traffic, target), publish(traffic, loop.time() + 0.5))
            assert channel.queue_declare("tasks", passive=True).method.message_count == 0
    assert source.recv() is None
    received: Received = source.recv()
    assert len(received.waits_s) == 60
    assert min(received.waits_s) > 0
    assert 0 < len(received.idle_s) <= 60
    assert received.late_s >= 0
