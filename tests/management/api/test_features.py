"""/api/extensions, /api/feature-flags, /api/deprecated-features."""

from tests.helpers.management import api


async def test_there_is_the_one_extension() -> None:
    async with api() as (_, client):
        assert (await client.get("/api/extensions")).json() == [{"javascript": "dispatcher.js"}]


async def test_the_test_api_brings_a_page_of_its_own() -> None:
    async with api(test_api=True, http_port=0) as (_, client):
        scripts = [one["javascript"] for one in (await client.get("/api/extensions")).json()]
        assert scripts == ["dispatcher.js", "testing.js"]


async def test_every_feature_flag_is_on() -> None:
    async with api() as (_, client):
        flags = (await client.get("/api/feature-flags")).json()
        assert {flag["state"] for flag in flags} == {"enabled"}
        assert {"quorum_queue", "stream_queue", "virtual_host_metadata"} <= {flag["name"] for flag in flags}


async def test_nothing_is_deprecated() -> None:
    async with api() as (_, client):
        assert (await client.get("/api/deprecated-features")).json() == []
        assert (await client.get("/api/deprecated-features/used")).json() == []


async def test_feature_flags_are_administrators() -> None:
    async with api() as (server, client):
        server.broker.users.set("eve", password="secret", tags=("monitoring",))
        assert (await client.get("/api/feature-flags", auth=("eve", "secret"))).status_code == 401


async def test_a_flag_that_there_is_can_be_enabled_again() -> None:
    async with api() as (_, client):
        answer = await client.put("/api/feature-flags/quorum_queue/enable", json={"name": "quorum_queue"})
        assert answer.status_code == 204
        answer = await client.put("/api/feature-flags/nope/enable", json={})
        assert (answer.status_code, answer.json()["reason"]) == (400, "unsupported")
