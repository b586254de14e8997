"""The server that a test suite runs: the real one, with a clock that can be turned and connections that can be asked.

It touches nothing that the process has one of: no collector, no switch interval, no signals, no log.
"""

from collections.abc import Callable, Iterator

from amqpbroker.server.config import Config
from amqpbroker.session.batch import Batch
from amqpbroker.session.connection import Connection
from amqpbroker.testing.connections import ObservedTransport
from amqpbroker.testing.crashes.ledger import Ledger
from amqpbroker.testing.crashes.server import CrashableServer
from amqpbroker.testing.inspection.history import Recorder
from amqpbroker.testing.linter.linter import Linter
from amqpbroker.testing.recording.recorder import RunRecorder
from amqpbroker.testing.virtual_ticker import VirtualTicker


class ObservedServer(CrashableServer):
    """clock: what queues, messages and clients' timeouts go by. socket_clock: of heartbeats and handshakes, which real
    clients keep as well. watchers: called when something may have changed, once the turn is written. recorder: has
    what has happened to messages. run_recorders: note what is
    published. linter: watches what clients do.
    """

    transport_type = ObservedTransport

    def __init__(self, config: Config, linter: Linter | None = None, ledger: Ledger | None = None) -> None:
        super().__init__(config, ledger or Ledger())
        self.run_recorders: list[RunRecorder] = []
        self.linter = linter or Linter(is_on=False)
        self.linter.watch(self.broker)
        self.watchers: list[Callable[[], None]] = []
        self.recorder = Recorder(self.broker)
        self.batch = WatchedBatch(self)

    def _new_ticker(self) -> VirtualTicker:
        self.socket_clock = VirtualTicker(self.loop, self.flush_soon)
        return self.socket_clock

    def _new_clock(self) -> VirtualTicker:
        self.clock = VirtualTicker(self.loop, self.flush_soon)
        return self.clock

    def sessions(self) -> Iterator[Connection]:
        """The clients that are in a virtual host, the oldest first."""
        return (one for one in self.broker.connections if isinstance(one, Connection))


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
