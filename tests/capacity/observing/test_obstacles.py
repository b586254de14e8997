"""Where there is no forecast it is said why, and what would have to be otherwise."""

from dataclasses import replace
from typing import Any

import pytest

from amqpbroker.capacity.measuring.measured import Times, measured
from amqpbroker.capacity.measuring.watching import Measuring
from amqpbroker.capacity.observing.observation import observe
from amqpbroker.capacity.observing.obstacles import obstacle
from amqpbroker.wire.methods import Basic, Queue
from amqpbroker.wire.tables import long_string
from tests.helpers.measured_traffic import played
from tests.helpers.sessions import consume, opened, publish_numbers, with_queue
from tests.helpers.wire_client import WireClient


def told(client: WireClient, count: int = 100) -> str:
    """What is told of the queue after it has got so many messages, one a second."""
    queue = client.vhost.queues["tasks"]
    measuring = Measuring(client.clock)
    for number in range(count):
        measuring.of(client.vhost, queue)
        publish_numbers(client, 1, number)
        client.advance(1.0)
    return obstacle(measured(measuring.of(client.vhost, queue), client.clock.now_s()))


def test_nobody_consumes() -> None:
    assert told(with_queue()) == "nobody consumes from it: what is published stays"


def test_nobody_acknowledges() -> None:
    consume(client := with_queue(), "one", no_ack=True)
    assert told(client).startswith("its consumers acknowledge nothing (auto-ack): nobody can see when they are done")


def test_messages_are_fetched_one_by_one() -> None:
    client = with_queue()
    measuring = Measuring(client.clock)
    measuring.of(client.vhost, client.vhost.queues["tasks"])
    publish_numbers(client, 1)
    client.send(1, Basic.Get(queue="tasks", no_ack=True))
    found = measured(measuring.of(client.vhost, client.vhost.queues["tasks"]), client.clock.now_s())
    assert obstacle(found) == "nobody consumes from it: 1 message were fetched one by one, with basic.get"


def test_a_stream_gives_out_what_it_keeps() -> None:
    client = opened()
    stream = {"x-queue-type": long_string("stream")}
    client.send(1, Queue.Declare(queue="tasks", durable=True, arguments=stream, nowait=True))
    assert told(client, 3).startswith("a stream keeps what it gives out")


def test_too_little_is_known() -> None:
    consume(client := with_queue(), "one")
    assert told(client, 3) == (
        "too little is known yet: 3 messages came and 0 were acknowledged in 3 s; a forecast takes 30 of each"
    )


def test_nothing_was_published() -> None:
    consume(client := with_queue(), "one")
    assert told(client, 0).startswith("too little is known yet: 0 messages came and 0 were acknowledged in 0 s")


@pytest.mark.parametrize(
    "changes",
    [
        {"services": Times(100, 0.0, 0.0, (0.0,) * 100)},
        {"services": Times(0, 0.0, 0.0, ())},
        {"waits": Times(0, 0.0, 0.0, ())},
        {"gaps": Times(3_999, 0.0, 0.0, (0.0,) * 3_999)},
        {"consumers": 0},
        {"watched_s": 0.0, "arrived": 0, "bursts": 0},
        {"consumers": 1},
        {"ready": 10**9},
        {"prefetch": 0},
    ],
    ids=", ".join,
)
def test_whatever_was_measured_has_an_answer_in_words(changes: dict[str, Any]) -> None:
    import json

    from amqpbroker.capacity.observing.document import document

    found = document(observe(replace(played().seen, **changes)))
    assert json.loads(json.dumps(found, allow_nan=False))["in_words"]
