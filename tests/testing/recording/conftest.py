"""A run in a file, and the same once more in another broker."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from amqpbroker.testing import Broker
from amqpbroker.testing.inspection.message import Message

Contents = dict[str, list[tuple[bytes, str, dict[str, object]]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


@pytest.fixture
def another() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


@pytest.fixture
def contents() -> Callable[[Broker], Contents]:
    """What waits in each queue: bodies, routing keys and headers, without the times of deaths."""
    return lambda broker: {name: [_content(one) for one in queue.messages()] for name, queue in broker.queues.items()}


def _content(message: Message) -> tuple[bytes, str, dict[str, object]]:
    headers = dict(message.headers)
    for death in headers.get("x-death", []):
        del death["time"]
    return message.body, message.routing_key, headers
