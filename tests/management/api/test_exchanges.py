"""/api/exchanges."""

import pytest

from tests.helpers.busy_broker import busy_broker


async def test_the_exchanges_of_a_virtual_host_come_by_name() -> None:
    async with busy_broker() as busy:
        names = [exchange["name"] for exchange in await busy.get("exchanges/%2F")]
        assert names == sorted(names)
        assert {"", "amq.direct", "all", "events"} <= set(names)


async def test_an_exchange_is_what_was_declared() -> None:
    async with busy_broker() as busy:
        exchange = await busy.get("exchanges/%2F/events")
        told = ("name", "type", "durable", "auto_delete", "internal", "arguments", "policy", "vhost")
        assert [exchange[name] for name in told] == ["events", "topic", True, False, False, {}, None, "/"]


async def test_its_policy_is_told_by_name() -> None:
    async with busy_broker() as busy:
        term = {"pattern": "^ev", "definition": {"alternate-exchange": "all"}}
        busy.server.broker.vhosts["/"].parameters.set_policy("alternate", term)
        assert (await busy.get("exchanges/%2F/events"))["policy"] == "alternate"
        assert (await busy.get("exchanges/%2F/all"))["policy"] is None


@pytest.mark.parametrize("name", ["amq.default", "amq.topic"])
async def test_the_default_exchange_has_a_name_in_paths(name: str) -> None:
    async with busy_broker() as busy:
        exchange = await busy.get(f"exchanges/%2F/{name}")
        assert exchange["name"] == ("" if name == "amq.default" else name)


async def test_exchanges_are_paged_and_looked_through() -> None:
    async with busy_broker() as busy:
        page = await busy.get("exchanges?page=1&page_size=2&name=AMQ&sort=type&columns=name,type")
        assert page["items"] == [{"name": "amq.direct", "type": "direct"}, {"name": "amq.fanout", "type": "fanout"}]


async def test_what_is_not_there_is_not_found() -> None:
    async with busy_broker() as busy:
        assert (await busy.http.get("/api/exchanges/%2F/nope")).status_code == 404
        assert (await busy.http.get("/api/exchanges/nope")).status_code == 404
