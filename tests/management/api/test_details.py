"""What is told of a connection or a channel with what belongs to it."""

from pathlib import Path

from amqpbroker.management.api.connections import open_connections
from amqpbroker.management.api.details import channel_details, connection_details
from tests.helpers.busy_broker import busy_broker
from tests.helpers.management import api
from tests.helpers.socket_client import SocketClient


async def test_a_channel_is_told_with_the_ends_of_its_connection() -> None:
    async with busy_broker() as busy:
        (connection,) = open_connections(busy.server.broker)
        told = channel_details(connection.channels[1])
        peer = connection.facts().peer
        assert peer is not None
        assert (told["connection_name"], told["number"], told["user"]) == (busy.connection, 1, "guest")
        assert (told["peer_host"], told["peer_port"]) == peer


async def test_a_unix_socket_has_no_address(tmp_path: Path) -> None:
    async with api(hosts=(), unix_socket=str(tmp_path / "s")) as (server, _):
        client = await SocketClient.opened(server.endpoints[0])
        (connection,) = open_connections(server.broker)
        assert connection_details(connection) == {"name": connection.name, "peer_host": "unknown", "peer_port": 0}
        await client.leave()
