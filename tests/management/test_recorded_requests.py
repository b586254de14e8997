"""What Flower, rabbitmqadmin, pyrabbit2 and AMQPStorm have asked a RabbitMQ 3.10, in order, with the statuses it gave.

data/recorded_requests.txt: method, path, status, body. What was asked for is there because of `_set_up`.
"""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest

from tests.helpers.busy_broker import busy_broker
from tests.helpers.management import api

DATA: Final = Path(__file__).parent / "data" / "recorded_requests.txt"
# Stands for what was exported just before.
DEFINITIONS: Final = "{definitions}"


class Asked(NamedTuple):
    """path: as it was sent, quotes and all. body: empty for none."""

    method: str
    path: str
    status: int
    body: str


def recorded() -> list[Asked]:
    found = []
    for line in DATA.read_text(encoding="utf-8").splitlines():
        method, path, status, *body = line.split(" ", 3)
        found.append(Asked(method, path, int(status), "".join(body)))
    return found


async def test_every_recorded_request_gets_the_recorded_status() -> None:
    async with api(node_name="rabbit@localhost") as (_, client):
        await _set_up(client)
        exported: Any = None
        differing = []
        for asked in recorded():
            body = json.dumps(exported) if asked.body == DEFINITIONS else asked.body
            answer = await client.request(asked.method, asked.path, content=body)
            if answer.status_code != asked.status:
                differing.append((*asked, answer.status_code, answer.text))
            if asked.path == "/api/definitions" and asked.method == "GET":
                exported = answer.json()
        assert differing == [], "\n".join(map(str, differing))


def test_there_are_all_of_them() -> None:
    assert len(recorded()) == 74


@pytest.mark.parametrize("path", ["queues/%2F/", "queues/%2f", "queues/%2F///"])
async def test_whatever_way_a_list_is_asked_for_it_is_the_same(path: str) -> None:
    async with busy_broker() as busy:
        plain, sloppy = await busy.get("queues/%2F"), await busy.http.request("GET", f"/api/{path}", content="{}")
        assert [queue["name"] for queue in sloppy.json()] == [queue["name"] for queue in plain]


async def _set_up(client: httpx.AsyncClient) -> None:
    for name, kind in (("eco.orders", "topic"), ("eco.fan", "fanout"), ("eco.dlx", "direct"), ("eco.hdr", "headers")):
        await _put(client, f"exchanges/%2F/{name}", {"type": kind, "durable": True})
    arguments: dict[str, dict[str, Any]] = {
        "eco.idle": {},
        "eco.dead": {},
        "eco.invoices": {"x-max-priority": 9, "x-dead-letter-exchange": "eco.dlx"},
        "eco.quorum": {"x-queue-type": "quorum", "x-delivery-limit": 5},
        "eco.stream": {"x-queue-type": "stream", "x-max-length-bytes": 10_000_000},
    }
    for name, own in arguments.items():
        await _put(client, f"queues/%2F/{name}", {"durable": True, "arguments": own})
    binding = {"routing_key": "order.*.paid", "arguments": {}}
    answer = await client.post("/api/bindings/%2F/e/eco.orders/q/eco.invoices", json=binding)
    assert answer.status_code == 201, answer.text
    message = {"routing_key": "eco.idle", "payload": "{}", "payload_encoding": "string", "properties": {}}
    for _ in range(3):
        await client.post("/api/exchanges/%2F/amq.default/publish", json=message)


async def _put(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
    answer = await client.put(f"/api/{path}", json=body)
    assert answer.status_code == 201, answer.text
