"""The application as a whole: what every answer has, whatever was asked."""

from tests.helpers.management import api


async def test_who_asks_is_told_who_he_is() -> None:
    async with api() as (_, client):
        answer = await client.get("/api/whoami")
        assert (answer.status_code, answer.json()) == (200, {"name": "guest", "tags": ["administrator"]})


async def test_a_slash_at_the_end_means_nothing() -> None:
    async with api() as (_, client):
        assert (await client.get("/api/whoami/")).status_code == 200


async def test_an_unknown_path_is_not_found() -> None:
    async with api() as (_, client):
        answer = await client.get("/api/nope")
        assert (answer.status_code, answer.json()) == (404, {"error": "Object Not Found", "reason": "Not Found"})


async def test_every_answer_forbids_foreign_scripts() -> None:
    async with api() as (_, client):
        for path in ("/api/whoami", "/api/nope", "/"):
            assert "default-src 'none'" in (await client.get(path)).headers["content-security-policy"]


async def test_a_foreign_host_is_refused_before_anything_else() -> None:
    async with api(auth=None) as (_, client):
        answer = await client.get("/api/whoami", headers={"host": "evil.example"})
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
