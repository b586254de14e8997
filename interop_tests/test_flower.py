"""Flower's broker page, which reads the management API."""

import re
import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from interop_tests.programs.flower_server import flower

TIMEOUT_S = 30


@pytest.fixture
def queue(management: httpx.Client) -> Iterator[str]:
    """A queue with a message in it."""
    name = f"flower-{uuid.uuid4().hex[:8]}"
    management.put(f"/queues/%2F/{name}", json={"durable": True})
    message = {"properties": {}, "routing_key": name, "payload": "{}", "payload_encoding": "string"}
    management.post("/exchanges/%2F/amq.default/publish", json=message)
    yield name
    management.delete(f"/queues/%2F/{name}")


def test_flower_shows_the_queues_on_its_broker_page(management: httpx.Client, amqp_url: str, queue: str) -> None:
    broker_api = f"http://guest:guest@{management.base_url.host}:{management.base_url.port}/api/"
    with flower(amqp_url, broker_api, queue) as url:
        messages, unacked, ready, consumers = numbers_of(queue, f"{url}/broker")
    assert (messages, unacked, ready, consumers) == ("1", "0", "1", "0")


def numbers_of(queue: str, url: str) -> list[str]:
    """What the page shows of a queue, once it knows the numbers: RabbitMQ takes some seconds to count."""
    deadline_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline_s:
        page = httpx.get(url, timeout=TIMEOUT_S).text
        row = page[page.index(f'<tr id="{queue}"') :].partition("</tr>")[0]
        cells = [cell.strip() for cell in re.findall(r"<td[^>]*>([^<]*)</td>", row)]
        if cells[1:5] and all(cell.isdecimal() for cell in cells[1:5]):
            return cells[1:5]
    raise AssertionError(f"Flower does not show the numbers of {queue}")
