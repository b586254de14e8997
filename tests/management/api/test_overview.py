"""/api/overview, /api/version."""

import pytest

from amqpbroker.profiles import PROFILES
from tests.helpers.busy_broker import busy_broker
from tests.helpers.management import api


async def test_everything_is_counted() -> None:
    async with busy_broker() as busy:
        overview = await busy.get("overview")
        exchanges = len(busy.server.broker.vhosts["/"].exchanges)
        assert overview["object_totals"] == {
            "channels": 1,
            "connections": 1,
            "consumers": 3,
            "exchanges": exchanges,
            "queues": 4,
        }
        totals = overview["queue_totals"]
        assert [totals[name] for name in ("messages", "messages_ready", "messages_unacknowledged")] == [5, 3, 2]


@pytest.mark.parametrize("name", ["3.13", "4.2", "4.3"])
async def test_the_version_is_the_profiles(name: str) -> None:
    async with api(profile=PROFILES[name]) as (_, client):
        overview = (await client.get("/api/overview?columns=rabbitmq_version,product_name,exchange_types.name")).json()
        assert (overview["rabbitmq_version"], overview["product_name"]) == (PROFILES[name].version, "RabbitMQ")
        types = {kind["name"] for kind in overview["exchange_types"]}
        assert {"direct", "fanout", "headers", "topic"} <= types
        assert ("x-local-random" in types) is (name != "3.13")


async def test_where_it_listens_is_told() -> None:
    async with busy_broker() as busy:
        overview = await busy.get("overview")
        listeners = [(one["protocol"], one["ip_address"], one["port"]) for one in overview["listeners"]]
        port = busy.server.endpoints[0].port
        assert listeners == [("amqp", "127.0.0.1", port), ("http", "127.0.0.1", 15_672)]
        assert [context["port"] for context in overview["contexts"]] == ["15672"]


async def test_who_does_not_watch_is_told_of_what_he_may_use() -> None:
    async with busy_broker() as busy:
        busy.server.broker.users.set("eve", password="secret", tags=("management",))
        overview = (await busy.http.get("/api/overview", auth=("eve", "secret"))).json()
        assert overview["object_totals"]["queues"] == overview["object_totals"]["connections"] == 0
        assert not {"node", "listeners", "contexts"} & set(overview)


async def test_the_cluster_has_a_name() -> None:
    async with api(cluster_name="orders") as (_, client):
        assert (await client.get("/api/cluster-name")).json() == {"name": "orders"}


async def test_anybody_is_told_the_version() -> None:
    async with api(auth=None) as (server, client):
        assert (await client.get("/api/version")).json() == server.broker.profile.version
