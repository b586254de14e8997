"""A broker that starts again on the data of one that has ended, at the same place and time."""

from dataclasses import replace

from amqpbroker.server.config import Config
from amqpbroker.testing.barrier import all_read
from amqpbroker.testing.linter.linter import Linter
from amqpbroker.testing.server import ObservedServer


async def restarted(old: ObservedServer, linter: Linter) -> ObservedServer:
    """What follows on old, which is stopped if it has not crashed. Raises as `Server.open` and `Server.listen` do."""
    config = _at_the_same_ports(old)
    if not old.is_crashed:
        await all_read(old)
    if not old.is_crashed:
        old.ledger.ended(old)
        await old.door.close()
    await old.stop()
    server = ObservedServer(config, linter, old.ledger)
    server.starts_again = True
    server.follow(old)
    # Until it is known what is there again nothing falls due.
    stood_still = server.clock.is_frozen
    server.clock.freeze()
    try:
        server.open()
        server.ledger.started(server)
        await server.recorded()
    finally:
        old.door.let_go()
    if not stood_still:
        server.clock.resume()
    await server.listen()
    return server


def _at_the_same_ports(old: ObservedServer) -> Config:
    config = old.config
    ports = {endpoint.tls: endpoint.port for endpoint in old.endpoints if endpoint.path is None}
    http_ports = [endpoint.port for endpoint in old.web_endpoints.get("http", ())]
    return replace(
        config,
        port=ports.get(False, config.port),
        tls_port=ports.get(True, config.tls_port),
        http_port=http_ports[0] if http_ports else config.http_port,
    )
