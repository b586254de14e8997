"""What is told below /metrics: everything that RabbitMQ's dashboard reads, by RabbitMQ's names and types."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from amqpbroker.management.metrics.app import build_metrics_app
from tests.helpers.busy_broker import busy_broker
from tests.helpers.management import api, declare, make_user
from tests.helpers.metrics import labels_of, scraped, value

DATA = Path(__file__).parent / "data"
ENDPOINTS = ("", "per-object", "detailed", "memory-breakdown")


def read(name: str) -> Any:
    return json.loads((DATA / name).read_text())


@pytest.mark.parametrize("endpoint", ["", "per-object"])
async def test_all_that_the_dashboard_reads_is_there(endpoint: str) -> None:
    async with busy_broker() as busy:
        families = await scraped(busy.server, endpoint)
        told = {sample.name for family in families.values() for sample in family.samples}
        assert set(read("dashboard_10991.json")["names"]) - told == set()


@pytest.mark.parametrize("endpoint", ["", "per-object"])
async def test_types_are_those_of_rabbitmq(endpoint: str) -> None:
    recorded = read("types_3_10_8.json")
    async with busy_broker() as busy:
        families = await scraped(busy.server, endpoint)
        ours = {name: family.type for name, family in families.items() if name in recorded}
        assert len(ours) > 80
        assert ours == {name: recorded[name].replace("untyped", "unknown") for name in ours}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_everything_can_be_joined_to_who_tells_it(endpoint: str) -> None:
    async with api() as (server, _):
        families = await scraped(server, endpoint)
        assert value(families, "rabbitmq_build_info", rabbitmq_version=server.broker.profile.version) == 1
        identity = {"rabbitmq_node": server.broker.node_name, "rabbitmq_cluster": server.broker.cluster_name}
        assert value(families, "rabbitmq_identity_info", **identity, rabbitmq_endpoint=endpoint or "aggregated") == 1


async def test_there_are_no_other_metrics() -> None:
    async with api() as (server, _):
        transport = httpx.ASGITransport(build_metrics_app(server))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:15692") as client:
            answer = await client.get("/metrics/others")
            assert (answer.status_code, answer.text) == (404, "Unknown Registry")


async def test_a_page_from_elsewhere_may_not_read_them() -> None:
    async with api() as (server, _):
        transport = httpx.ASGITransport(build_metrics_app(server))
        async with httpx.AsyncClient(transport=transport, base_url="http://rebound.example.com") as client:
            assert (await client.get("/metrics")).status_code == 403


async def test_detailed_metrics_are_those_that_are_asked_for() -> None:
    async with busy_broker() as busy:
        families = await scraped(busy.server, "detailed", family="queue_coarse_metrics")
        assert value(families, "rabbitmq_detailed_queue_messages_ready", queue="stream") == 0
        assert "rabbitmq_detailed_queue_consumers" not in families
        families = await scraped(busy.server, "detailed", family=["queue_consumer_count", "exchange_names"])
        assert "rabbitmq_detailed_queue_consumers" in families
        assert value(families, "rabbitmq_cluster_exchange_name", vhost="/", exchange="amq.topic") == 1


async def test_detailed_metrics_may_be_of_some_virtual_hosts() -> None:
    async with api() as (server, client):
        await client.put("/api/vhosts/other")
        await declare(client, "tasks")
        for vhost, expected in (("/", [{"vhost": "/", "queue": "tasks"}]), ("other", [])):
            families = await scraped(server, "detailed", family="queue_coarse_metrics", vhost=vhost)
            assert labels_of(families, "rabbitmq_detailed_queue_messages") == expected


async def test_nothing_detailed_is_told_unasked() -> None:
    async with busy_broker() as busy:
        assert set(await scraped(busy.server, "detailed")) == {"rabbitmq_build_info", "rabbitmq_identity_info"}


@pytest.mark.parametrize("path", ["/metrics", "/api/metrics", "/metrics/per-object", "/api/metrics/per-object"])
async def test_beside_the_api_they_are_for_those_who_may_watch(path: str) -> None:
    async with api() as (_, client):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert "rabbitmq_connections 0.0" in answer.text
        nobody = await make_user(client, "nobody", "management")
        assert (await client.get(path, auth=nobody)).status_code == 401


async def test_names_that_are_no_unicode_are_told_all_the_same() -> None:
    async with api() as (server, _):
        server.broker.vhosts["/"].new_queue('a"\n\udcff', durable=False, auto_delete=False, owner=None, arguments={})
        families = await scraped(server, "per-object")
        assert value(families, "rabbitmq_queue_messages", queue='a"\n?') == 0
