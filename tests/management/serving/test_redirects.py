"""Where RabbitMQ's old pages are now."""

import pytest

from tests.helpers.management import api


@pytest.mark.parametrize(
    ("path", "place"), [("/doc/stats.html", "/api/index.html"), ("/stats/", "/api/index.html"), ("/mgmt", "/")]
)
async def test_an_old_address_leads_to_the_new_one(path: str, place: str) -> None:
    async with api(auth=None) as (_, client):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (301, place)
