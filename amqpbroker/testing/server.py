"""The server that a test suite runs: the real one, with a clock that can be turned and connections that can be asked.

It touches nothing that the process has one of: no collector, no switch interval, no signals, no log.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from amqpbroker.model.broker import Broker
from amqpbroker.server.config import Config
from amqpbroker.server.server import SHUTDOWN
from amqpbroker.session.batch import Batch
from amqpbroker.session.connection import Connection
from amqpbroker.testing.connections import ObservedTransport
from amqpbroker.testing.crashes.ledger import Ledger
from amqpbroker.testing.crashes.server import CrashableServer
from amqpbroker.testing.inspection.history import Recorder
from amqpbroker.testing.leftovers import Leftovers
from amqpbroker.testing.linter.linter import Linter
from amqpbroker.testing.resetting import Start
from amqpbroker.testing.virtual_ticker import VirtualTicker

if TYPE_CHECKING:
    from amqpbroker.testing.recording.recorder import RunRecorder


class ObservedServer(CrashableServer):
    """clock: what queues, messages and clients' timeouts go by. socket_clock: of heartbeats and handshakes, which real
    clients keep as well. watchers: called when something may have changed, once the turn is written. recorder: has
    what has happened to messages. run_recorders: note what is published. linter: watches what clients do. begun: what
    it is reset to, from `open` on. at_reset: called then, by whoever has something to forget. leftovers: what a reset
    has left and is still to be let go of.
    """

    transport_type = ObservedTransport

    def __init__(self, config: Config, linter: Linter | None = None, ledger: Ledger | None = None) -> None:
        super().__init__(config, ledger or Ledger())
        self.run_recorders: list[RunRecorder] = []
        self.linter = linter or Linter(is_on=False)
        self.linter.watch(self.broker)
        self.watchers: list[Callable[[], None]] = []
        self.recorder = Recorder(self.broker)
        self.at_reset: list[Callable[[], None]] = []
        self.leftovers = Leftovers(self.loop)
        self.begun: Start | None = None
        self.batch = WatchedBatch(self)

    def _new_ticker(self) -> VirtualTicker:
        self.socket_clock = VirtualTicker(self.loop, self.flush_soon)
        return self.socket_clock

    def _new_clock(self) -> VirtualTicker:
        self.clock = VirtualTicker(self.loop, self.flush_soon)
        return self.clock

    def open(self, declare: Callable[[Broker], None] | None = None) -> None:
        super().open(declare)
        self.begun = self.begun or Start(self, declare)

    def follow(self, old: CrashableServer) -> None:
        super().follow(old)
        if isinstance(old, ObservedServer) and old.begun is not None:
            self.begun = old.begun.moved_to(self)
            self.at_reset = old.at_reset
            for recorder in old.run_recorders:
                recorder.follow(self)
            self.recorder.go_on_from(old.recorder)

    def reset(self, *, keep_connections: bool, is_to_start: bool = True) -> None:
        """See `Start.reset`; after `open`."""
        assert self.begun is not None
        self.begun.reset(keep_connections=keep_connections, is_to_start=is_to_start)

    async def stop(self, reason: str = SHUTDOWN) -> None:
        await super().stop(reason)
        self.leftovers.let_go()

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
