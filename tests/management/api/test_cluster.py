"""What is asked of a cluster, by a broker that is one node."""

from typing import Any

import pytest

from amqpbroker.wire.tables import text
from tests.helpers.management import api

NAME = "/api/cluster-name"


async def test_the_cluster_is_named_for_all_to_see() -> None:
    async with api() as (server, client):
        assert (await client.get(NAME)).json() == {"name": server.broker.cluster_name}
        assert (await client.put(NAME, json={"name": "ours"})).status_code == 204
        assert (await client.get(NAME)).json() == {"name": "ours"}
        assert text(server.settings.server_properties["cluster_name"]) == "ours"


@pytest.mark.parametrize("body", [{}, {"name": 5}, {"name": "x" * 256}])
async def test_a_name_is_a_text(body: Any) -> None:
    async with api() as (_, client):
        assert (await client.put(NAME, json=body)).status_code == 400


async def test_there_is_nothing_to_rebalance_or_reset() -> None:
    async with api() as (server, client):
        assert (await client.post("/api/rebalance/queues")).status_code == 204
        paths = ("reset", f"reset/{server.broker.node_name}", "reset/other@host")
        assert [(await client.delete(f"/api/{path}")).status_code for path in paths] == [204, 204, 404]


async def test_only_administrators_may() -> None:
    async with api() as (_, client):
        await client.put("/api/users/ann", json={"password": "x", "tags": "monitoring"})
        assert (await client.get(NAME, auth=("ann", "x"))).status_code == 200
        assert (await client.put(NAME, json={"name": "x"}, auth=("ann", "x"))).status_code == 401
        assert (await client.delete("/api/reset", auth=("ann", "x"))).status_code == 401
