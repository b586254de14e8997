"""Listening for operators beside AMQP: over real sockets."""

import asyncio
import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from amqpbroker.management.access.local_login import directory, read_all
from amqpbroker.management.management import Management
from amqpbroker.management.node.listeners import listeners
from amqpbroker.server.config.settings import HTTP_PORT
from amqpbroker.server.listening import ListenError
from amqpbroker.server.server import Server
from tests.helpers.certificates import Authority
from tests.helpers.management import GUEST, IN_MEMORY


async def test_who_comes_before_it_is_loaded_waits() -> None:
    server = Server(replace(IN_MEMORY, http_port=0))
    server.open()
    management = Management(server)
    management.open()
    url = f"http://127.0.0.1:{management.web[0].port}/api/whoami"
    async with httpx.AsyncClient(auth=GUEST) as client:
        asking = asyncio.create_task(client.get(url))
        management.serve()
        assert (await asking).status_code == 200
    await management.close()
    await server.stop()


async def test_over_tls_nothing_else_is_spoken(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server = Server(replace(IN_MEMORY, http_port=0, http_tls=True, **authority.server_settings(tls_port=-1)))
    server.open()
    management = Management(server)
    management.open()
    management.serve()
    address = f"127.0.0.1:{management.web[0].port}/api/whoami"
    async with httpx.AsyncClient(auth=GUEST, verify=authority.client_context()) as client:
        assert (await client.get(f"https://{address}")).status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"http://{address}")
    assert management.web[0].tls
    await management.close()
    await server.stop()


async def test_it_listens_on_addresses_of_its_own_if_it_is_given_some() -> None:
    management = Management(Server(replace(IN_MEMORY, hosts=("0.0.0.0",), http_addresses=("127.0.0.1",), http_port=0)))
    management.open()
    assert [endpoint.host for endpoint in management.web] == ["127.0.0.1"]
    await management.close()


async def test_it_can_be_off() -> None:
    management = Management(Server(IN_MEMORY))
    management.open()
    assert management.web == []


async def test_without_its_libraries_it_is_off_and_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)  # as if it were not installed
    management = Management(Server(replace(IN_MEMORY, http_port=0)))
    management.open()
    assert management.web == []
    assert "they need uvicorn: pip install amqpbroker[management]" in caplog.text


async def test_a_port_that_was_asked_for_and_is_taken_stops_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        management = Management(Server(replace(IN_MEMORY, http_port=other.getsockname()[1])))
        with pytest.raises(ListenError):
            management.open()


async def test_the_usual_port_may_be_taken(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", HTTP_PORT))
            other.listen()
        except OSError:
            pass  # somebody else has it, which is as good
        management = Management(Server(replace(IN_MEMORY, http_port=HTTP_PORT)))
        management.open()
    assert management.web == []
    assert "is taken" in caplog.text


async def test_nothing_is_listened_on_after_the_end() -> None:
    server = Server(replace(IN_MEMORY, http_port=0))
    management = Management(server)
    management.open()
    port = management.web[0].port
    management.serve()
    await management.close()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)
    await server.stop()


async def test_the_brokers_own_user_needs_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    server = Server(replace(IN_MEMORY, http_port=0))
    await server.start()
    management = Management(server)
    management.open()
    management.serve()
    (login,) = read_all(directory(os.environ))
    assert (login.node, login.amqp_port) == (server.broker.node_name, server.endpoints[0].port)
    async with httpx.AsyncClient(headers={"authorization": f"Bearer {login.token}"}) as client:
        assert (await client.get(f"{login.url}/api/whoami")).json()["tags"] == ["administrator"]
    await management.close()
    assert list(read_all(directory(os.environ))) == []
    await server.stop()


async def test_a_login_that_cannot_be_left_safely_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "amqpbroker").mkdir()
    (tmp_path / "amqpbroker").chmod(0o755)
    server = Server(replace(IN_MEMORY, http_port=0))
    await server.start()
    management = Management(server)
    management.open()
    management.serve()
    assert server.local_token == ""
    assert "log in with a password only" in caplog.text
    assert list((tmp_path / "amqpbroker").iterdir()) == []
    await management.close()
    await server.stop()


async def test_the_metrics_have_a_port_of_their_own() -> None:
    server = Server(replace(IN_MEMORY, metrics_port=0))
    await server.start()
    management = Management(server)
    management.open()
    management.serve()
    (endpoint,) = management.metrics
    try:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{endpoint.port}/metrics")
        assert "rabbitmq_identity_info" in answer.text
        assert [one.protocol for one in listeners(server)] == ["amqp", "http/prometheus"]
    finally:
        await management.close()
        await server.stop()
    assert management.metrics == []
