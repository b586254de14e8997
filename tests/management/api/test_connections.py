"""/api/connections."""

from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from amqpbroker.wire.methods import Connection
from tests.helpers.busy_broker import Busy, busy_broker
from tests.helpers.certificates import Authority
from tests.helpers.management import api
from tests.helpers.socket_client import SocketClient

EVE = ("eve", "secret")


def quoted(name: str) -> str:
    return quote(name, safe="")


def with_user(busy: Busy, *tags: str) -> None:
    busy.server.broker.users.set("eve", password="secret", tags=tags)
    busy.server.broker.permissions.set("eve", "/", configure="", write="", read="")


async def test_a_connection_is_told_with_its_two_ends() -> None:
    async with busy_broker() as busy:
        connection = await busy.get(f"connections/{quoted(busy.connection)}")
        assert connection["name"] == (
            f"{connection['peer_host']}:{connection['peer_port']} -> {connection['host']}:{connection['port']}"
        )
        told = ("user", "vhost", "channels", "state", "protocol", "auth_mechanism", "frame_max", "ssl")
        assert [connection[name] for name in told] == [
            "guest",
            "/",
            1,
            "running",
            "AMQP 0-9-1",
            "PLAIN",
            131_072,
            False,
        ]
        assert connection["client_properties"]["capabilities"]["basic.nack"] is True
        assert connection["recv_oct"] > 0 < connection["send_oct"]


async def test_connections_are_listed_everywhere_and_by_virtual_host_and_user() -> None:
    async with busy_broker() as busy:
        for path in ("connections", "vhosts/%2F/connections", "connections/username/guest"):
            assert [one["name"] for one in await busy.get(path)] == [busy.connection]
        assert await busy.get("connections/username/nobody") == []
        assert (await busy.http.get("/api/vhosts/nope/connections")).status_code == 404


async def test_who_has_published_under_an_alarm_is_blocked() -> None:
    async with busy_broker() as busy:
        busy.server.broker.raise_alarm("memory")
        assert (await busy.get("connections"))[0]["state"] == "blocking"


@pytest.mark.parametrize(
    ("headers", "reason"), [({}, "Closed via management plugin"), ({"x-reason": "maintenance"}, "maintenance")]
)
async def test_an_operator_closes_a_connection(headers: dict[str, str], reason: str) -> None:
    async with busy_broker() as busy:
        answer = await busy.http.delete(f"/api/connections/{quoted(busy.connection)}", headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")
        close = await busy.amqp.until(Connection.Close)
        assert (close.reply_code, close.reply_text) == (320, f"CONNECTION_FORCED - {reason}")
        assert await busy.get("connections") == []


async def test_tls_and_the_certificate_of_the_client_are_told(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = authority.issue("client", common_name="anna")
    async with api(**authority.server_settings(), **authority.verifying()) as (server, http):
        endpoint = next(one for one in server.endpoints if one.tls)
        amqp = await SocketClient.opened(endpoint, tls=authority.client_context(pair))
        (connection,) = (await http.get("/api/connections")).json()
        assert (connection["ssl"], connection["ssl_protocol"]) == (True, "tlsv1.3")
        assert "CN=anna" in connection["peer_cert_subject"]
        assert None not in [value for name, value in connection.items() if name.startswith(("ssl_", "peer_cert_"))]
        await amqp.leave()


async def test_an_operator_closes_all_of_a_user() -> None:
    async with busy_broker() as busy:
        assert (await busy.http.delete("/api/connections/username/guest")).status_code == 204
        assert isinstance(await busy.amqp.until(Connection.Close), Connection.Close)
        assert (await busy.http.delete("/api/connections/username/guest")).status_code == 204


async def test_what_is_not_there_is_not_found() -> None:
    async with busy_broker() as busy:
        assert (await busy.http.get("/api/connections/nope")).status_code == 404
        assert (await busy.http.delete("/api/connections/nope")).status_code == 404


async def test_who_does_not_watch_sees_his_own() -> None:
    async with busy_broker() as busy:
        with_user(busy, "management")
        assert (await busy.http.get("/api/connections", auth=EVE)).json() == []
        await _refused(await busy.http.get(f"/api/connections/{quoted(busy.connection)}", auth=EVE))
        await _refused(await busy.http.delete("/api/connections/username/guest", auth=EVE))


async def test_who_watches_sees_all_and_closes_nothing() -> None:
    async with busy_broker() as busy:
        with_user(busy, "monitoring")
        path = f"/api/connections/{quoted(busy.connection)}"
        assert (await busy.http.get(path, auth=EVE)).status_code == 200
        await _refused(await busy.http.delete(path, auth=EVE))


async def _refused(answer: httpx.Response) -> None:
    expected = {"error": "not_authorised", "reason": "User not authorised to access object"}
    assert (answer.status_code, answer.json()) == (401, expected)
