"""Limits of virtual hosts and users over HTTP."""

from typing import Any

import pytest

from tests.helpers.management import api

CASES = pytest.mark.parametrize(
    ("path", "told", "name"),
    [
        ("/api/vhost-limits/%2F", {"vhost": "/"}, "max-queues"),
        ("/api/user-limits/guest", {"user": "guest"}, "max-channels"),
    ],
)


@CASES
async def test_limits_are_set_singly(path: str, told: dict[str, Any], name: str) -> None:
    async with api() as (_, client):
        assert (await client.get(path)).json() == []
        for limit in (("max-connections", -1), (name, 5)):
            assert (await client.put(f"{path}/{limit[0]}", json={"value": limit[1]})).status_code == 204
        expected = [{**told, "value": {"max-connections": -1, name: 5}}]
        assert (await client.get(path)).json() == (await client.get(path.rpartition("/")[0])).json() == expected
        assert [(await client.delete(f"{path}/{name}")).status_code for _ in "12"] == [204, 204]
        assert (await client.get(path)).json() == [{**told, "value": {"max-connections": -1}}]


@CASES
@pytest.mark.parametrize("body", [{}, {"value": "5"}, {"value": None}, {"value": 1.5}])
async def test_a_limit_is_a_number(path: str, told: Any, name: str, body: Any) -> None:
    async with api() as (_, client):
        answer = await client.put(f"{path}/{name}", json=body)
        assert answer.status_code == 400 and ("number" if body else "value") in answer.json()["reason"]
        assert (await client.get(path)).json() == []


async def test_there_are_no_others() -> None:
    async with api() as (_, client):
        answer = await client.put("/api/user-limits/guest/nope", json={"value": 5})
        assert (answer.status_code, answer.json()["reason"]) == (
            400,
            'Unrecognised terms [{<<"nope">>,5}] in user-limits',
        )
        answer = await client.put("/api/user-limits/nope/max-channels", json={"value": 5})
        assert (answer.status_code, answer.json()["reason"]) == (400, "no_such_user: nope")
        assert (await client.put("/api/vhost-limits/nope/max-queues", json={"value": 5})).status_code == 404


async def test_everybody_may_know_of_their_own() -> None:
    async with api() as (_, client):
        await client.put("/api/users/ann", json={"password": "x", "tags": "management"})
        paths = ("user-limits/ann", "user-limits/guest", "user-limits", "vhost-limits", "vhost-limits/%2F")
        statuses = [(await client.get(f"/api/{path}", auth=("ann", "x"))).status_code for path in paths]
        assert statuses == [200, 401, 401, 200, 401]
