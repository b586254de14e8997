"""The metrics on a port of their own."""

import httpx

from amqpbroker.management.metrics.app import build_metrics_app
from tests.helpers.management import api


async def test_nobody_has_to_log_in_and_nothing_else_is_there() -> None:
    async with api() as (server, _):
        app = build_metrics_app(server)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            assert (await client.get("/metrics/")).status_code == 200
            assert (await client.get("/api/overview")).status_code == 404
            assert (await client.post("/metrics")).status_code == 405
        app.close()  # type: ignore[attr-defined]
