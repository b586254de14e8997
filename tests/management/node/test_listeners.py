"""Where the broker listens."""

from amqpbroker.management.node.listeners import Listening, listeners
from amqpbroker.server.listening import Endpoint
from tests.helpers.management import api


async def test_all_that_have_a_port_are_told_in_order() -> None:
    async with api() as (server, _):
        server.endpoints[:] = [Endpoint("127.0.0.1", 5_672), Endpoint(path="socket")]
        server.endpoints.append(Endpoint("127.0.0.1", 5_671, tls=True))
        server.web_endpoints["http"] = [Endpoint("::1", 15_672), Endpoint("127.0.0.1", 15_672)]
        server.web_endpoints["http/prometheus"] = [Endpoint("127.0.0.1", 15_692, tls=True)]
        assert listeners(server) == [
            Listening("amqp", "127.0.0.1", 5_672),
            Listening("amqp/ssl", "127.0.0.1", 5_671, True),
            Listening("http", "127.0.0.1", 15_672),
            Listening("http", "::1", 15_672),
            Listening("https/prometheus", "127.0.0.1", 15_692, True),
        ]
