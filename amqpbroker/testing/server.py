"""The server that a test suite runs: the real one, with a clock that can be turned and connections that can be asked.

It touches nothing that the process has one of: no collector, no switch interval, no signals, no log.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator

from amqpbroker.server.config import Config
from amqpbroker.server.listening import addresses_of
from amqpbroker.server.server import Server
from amqpbroker.session.batch import Batch
from amqpbroker.session.connection import Connection
from amqpbroker.testing.connections import ObservedTransport
from amqpbroker.testing.faults.door import Door
from amqpbroker.testing.faults.rules import Rules
from amqpbroker.testing.inspection.history import Recorder
from amqpbroker.testing.linter.linter import Linter
from amqpbroker.testing.recording.recorder import RunRecorder
from amqpbroker.testing.virtual_ticker import VirtualTicker


class ObservedServer(Server):
    """clock: what queues, messages and clients' timeouts go by. socket_clock: of heartbeats and handshakes, which real
    clients keep as well. watchers: called when something may have changed, once the turn is written. recorder: has
    what has happened to messages. rules: its faults. door: where clients come in. run_recorders: note what is
    published. linter: watches what clients do.
    """

    transport_type = ObservedTransport

    clock: VirtualTicker
    socket_clock: VirtualTicker

    def __init__(self, config: Config, linter: Linter | None = None) -> None:
        super().__init__(config)
        self.run_recorders: list[RunRecorder] = []
        self.linter = linter or Linter(is_on=False)
        self.linter.watch(self.broker)
        self.watchers: list[Callable[[], None]] = []
        self.recorder = Recorder(self.broker)
        self.batch = WatchedBatch(self)
        self.rules = Rules(self)
        self.door = Door(self)
        self._under_way: set[asyncio.Task[None]] = set()

    def _new_ticker(self) -> VirtualTicker:
        self.socket_clock = VirtualTicker(self.loop, self.flush_soon)
        return self.socket_clock

    def _new_clock(self) -> VirtualTicker:
        self.clock = VirtualTicker(self.loop, self.flush_soon)
        return self.clock

    def sessions(self) -> Iterator[Connection]:
        """The clients that are in a virtual host, the oldest first."""
        return (one for one in self.broker.connections if isinstance(one, Connection))

    def observed(self) -> Iterator[ObservedTransport]:
        """The sockets of clients."""
        return (one for one in list(self.connections) if isinstance(one, ObservedTransport))

    def do(self, work: Coroutine[None, None, None]) -> None:
        """Begins what takes more than a turn of the loop; `settled` waits for it."""
        self._under_way.add(self.loop.create_task(work))

    async def settled(self) -> None:
        """Ends when what was begun is done. Raises what it raises."""
        while self._under_way:
            task = next(iter(self._under_way))
            self._under_way.discard(task)
            await task

    def stop_accepting(self) -> None:
        """Listens no more; where it did is still known."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        self.listening_fds.clear()

    async def accept_again(self) -> None:
        """Listens where it did. Raises ListenError."""
        for endpoint in list(self.endpoints):
            if endpoint.path is not None:
                await self._listen_unix(endpoint.path)
            else:
                address = addresses_of([endpoint.host or ""])[0]._replace(port=endpoint.port)
                await self._listen(address, self.tls.amqp if endpoint.tls and self.tls is not None else None)
            # It is known already.
            self.endpoints.pop()

    async def stop(self, reason: str = "broker forced connection closure with reason 'shutdown'") -> None:
        self.rules.stop()
        try:
            await self.settled()
        finally:
            await super().stop(reason)
            self.clock.stop()


class WatchedBatch(Batch):
    """Tells the server's watchers when it has written: whatever happens in a broker ends with that."""

    __slots__ = ("_server",)

    def __init__(self, server: ObservedServer) -> None:
        super().__init__()
        self._server = server

    def finish(self) -> None:
        super().finish()
        for look in list(self._server.watchers):
            look()
