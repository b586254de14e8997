"""Definitions over HTTP."""

import json
from typing import Any

import pytest

from tests.helpers.management import api, declare

PATH = "/api/definitions"
TASKS = {"name": "tasks", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}


async def test_what_comes_out_goes_in_again_elsewhere() -> None:
    async with api() as (_, client):
        await declare(client, "tasks", arguments={"x-max-length": 5})
        await client.put("/api/users/ann", json={"password": "x", "tags": "monitoring"})
        exported = (await client.get(PATH)).json()
    async with api() as (server, client):
        assert (await client.post(PATH, json=exported)).status_code == 204
        assert server.broker.users.authenticate("ann", b"x")
        assert (await client.get(PATH)).json() == exported


async def test_of_one_virtual_host_into_another() -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        await client.put("/api/vhosts/team", json={})
        exported = (await client.get(f"{PATH}/%2F")).json()
        assert (await client.post(f"{PATH}/team", json=exported)).status_code == 204
        assert set(server.broker.vhosts["team"].queues) == {"tasks"}


@pytest.mark.parametrize("prefix", [b"", b"\xef\xbb\xbf"])
async def test_a_browser_sends_a_file_in_a_form(prefix: bytes) -> None:
    async with api() as (server, client):
        file = ("definitions.json", prefix + json.dumps({"queues": [TASKS]}).encode(), "application/json")
        answer = await client.post(PATH, files={"file": file}, data={"redirect": "../#/import-succeeded"})
        assert answer.status_code == 204 and set(server.broker.vhosts["/"].queues) == {"tasks"}


async def test_a_form_without_a_file_is_refused() -> None:
    async with api() as (_, client):
        for content_type in ("multipart/form-data; boundary=x", "multipart/form-data"):
            answer = await client.post(PATH, content=b"--x--", headers={"content-type": content_type})
            assert (answer.status_code, answer.json()["reason"]) == (400, "the form has no field named file")


@pytest.mark.parametrize(
    "document",
    [{"queues": 5}, {"queues": [5]}, {"queues": [{**TASKS, "vhost": "nope"}]}, {"queues": [TASKS, {"vhost": "/"}]}],
)
async def test_one_that_fails_half_way_changes_nothing(document: Any) -> None:
    async with api() as (server, client):
        answer = await client.post(PATH, json=document)
        assert answer.status_code == 400 and answer.json()["reason"].startswith("queues")
        assert not server.broker.vhosts["/"].queues


async def test_a_virtual_host_that_is_not_there_takes_nothing() -> None:
    async with api() as (_, client):
        answer = await client.post(f"{PATH}/nope", json={})
        assert (answer.status_code, answer.json()["reason"]) == (404, "vhost_not_found")
        assert (await client.get(f"{PATH}/nope")).status_code == 404


async def test_a_browser_is_told_what_to_call_the_file() -> None:
    async with api() as (_, client):
        headers = (await client.get(PATH, params={"download": 'a b".json\r\nx: y'})).headers
        assert headers["content-disposition"] == "attachment; filename=a_b_.json_x_y"


async def test_permission_comes_before_the_body() -> None:
    async with api() as (_, client):
        await client.put("/api/users/ann", json={"password": "x", "tags": "monitoring"})
        answer = await client.post(PATH, content=b"{", auth=("ann", "x"))
        assert (answer.status_code, answer.json()["reason"]) == (401, "Not administrator user")
