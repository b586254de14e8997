"""/api/bindings, and the bindings of queues and exchanges."""

import pytest

from tests.helpers.busy_broker import QUEUES, busy_broker

RK = {
    "source": "events",
    "vhost": "/",
    "destination": "classic",
    "destination_type": "queue",
    "routing_key": "rk",
    "arguments": {"a": 1},
    "properties_key": "rk~Ajat_Q",
}


async def test_every_binding_is_listed_and_those_that_nobody_made() -> None:
    async with busy_broker() as busy:
        found = [(one["source"], one["destination"]) for one in await busy.get("bindings")]
        assert found == [*(("", name) for name in sorted(QUEUES)), ("events", "all"), ("events", "classic")]
        assert await busy.get("bindings/%2F") == await busy.get("bindings")


async def test_the_bindings_between_two_things() -> None:
    async with busy_broker() as busy:
        assert await busy.get("bindings/%2F/e/events/q/classic") == [RK]
        assert [one["routing_key"] for one in await busy.get("bindings/%2F/e/events/e/all")] == ["order.eu.#"]
        assert await busy.get("bindings/%2F/e/events/q/nope") == []


async def test_one_binding_by_its_name() -> None:
    async with busy_broker() as busy:
        assert await busy.get("bindings/%2F/e/events/q/classic/rk~Ajat_Q") == RK
        assert (await busy.get("bindings/%2F/e/events/e/all/order.eu.%2523"))["destination"] == "all"
        assert (await busy.get("bindings/%2F/e/amq.default/q/classic/classic"))["source"] == ""


@pytest.mark.parametrize("path", ["e/events/q/classic/nope", "e/events/x/classic", "e/nope/q/classic/rk"])
async def test_what_is_not_there_is_not_found(path: str) -> None:
    async with busy_broker() as busy:
        assert (await busy.http.get(f"/api/bindings/%2F/{path}")).status_code == 404


async def test_what_leads_to_a_queue() -> None:
    async with busy_broker() as busy:
        assert [one["properties_key"] for one in await busy.get("queues/%2F/classic/bindings")] == [
            "classic",
            "rk~Ajat_Q",
        ]
        assert await busy.get("queues/%2F/nope/bindings") == []


async def test_what_leads_from_an_exchange_and_to_one() -> None:
    async with busy_broker() as busy:
        from_events = await busy.get("exchanges/%2F/events/bindings/source")
        assert [one["destination"] for one in from_events] == ["all", "classic"]
        to_all = await busy.get("exchanges/%2F/all/bindings/destination")
        assert [one["properties_key"] for one in to_all] == ["order.eu.%23"]
        from_default = await busy.get("exchanges/%2F/amq.default/bindings/source")
        assert [one["destination"] for one in from_default] == sorted(QUEUES)
