"""/api, /api/index.html."""

import pytest

from tests.helpers.management import api


@pytest.mark.parametrize("path", ["/api", "/api/"])
async def test_the_api_itself_leads_to_its_page(path: str) -> None:
    async with api(auth=None) as (_, client):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (301, "/api/index.html")


async def test_the_page_names_every_resource() -> None:
    async with api(auth=None) as (_, client):
        answer = await client.get("/api/index.html")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "<td>/api/queues/<i>vhost</i>/<i>queue</i><td>GET, PUT, DELETE" in answer.text
