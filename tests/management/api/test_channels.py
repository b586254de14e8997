"""/api/channels."""

from urllib.parse import quote

import pytest

from amqpbroker.wire.methods import Basic, Channel, Tx
from tests.helpers.busy_broker import busy_broker
from tests.helpers.wire_client import publish_octets


async def test_a_channel_is_told_with_what_its_client_has() -> None:
    async with busy_broker() as busy:
        channel = await busy.get(f"channels/{quote(f'{busy.connection} (1)', safe='')}")
        told = ("number", "user", "confirm", "transactional", "consumer_count", "prefetch_count")
        assert [channel[name] for name in told] == [1, "guest", True, False, 3, 2]
        assert channel["messages_unacknowledged"] == 2
        assert channel["connection_details"]["name"] == busy.connection
        tags = {consumer["consumer_tag"] for consumer in channel["consumer_details"]}
        assert tags == {"ctag", "ctag-priorities", "ctag-quorum"}


async def test_what_a_transaction_holds_is_counted() -> None:
    async with busy_broker() as busy:
        await busy.amqp.call(2, Channel.Open())
        await busy.amqp.call(2, Tx.Select())
        busy.amqp.writer.write(publish_octets(2, Basic.Publish(routing_key="classic"), b"body"))
        await busy.amqp.call(2, Basic.Qos(prefetch_count=1))
        channel = (await busy.get("channels?sort=number&sort_reverse=true"))[0]
        assert (channel["transactional"], channel["messages_uncommitted"], channel["acks_uncommitted"]) == (True, 1, 0)


@pytest.mark.parametrize("path", ["channels", "vhosts/%2F/channels", "connections/{}/channels"])
async def test_channels_are_listed(path: str) -> None:
    async with busy_broker() as busy:
        found = await busy.get(path.format(quote(busy.connection, safe="")))
        assert [channel["name"] for channel in found] == [f"{busy.connection} (1)"]


async def test_a_connection_has_no_sessions() -> None:
    async with busy_broker() as busy:
        assert await busy.get(f"connections/{quote(busy.connection, safe='')}/sessions") == []


async def test_what_is_not_there_is_not_found() -> None:
    async with busy_broker() as busy:
        assert (await busy.http.get("/api/channels/nope")).status_code == 404
        assert (await busy.http.get("/api/connections/nope/channels")).status_code == 404


async def test_who_does_not_watch_sees_his_own() -> None:
    async with busy_broker() as busy:
        busy.server.broker.users.set("eve", password="secret", tags=("management",))
        auth = ("eve", "secret")
        assert (await busy.http.get("/api/channels", auth=auth)).json() == []
        path = f"/api/channels/{quote(f'{busy.connection} (1)', safe='')}"
        assert (await busy.http.get(path, auth=auth)).status_code == 401
