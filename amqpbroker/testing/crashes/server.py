"""The part of a suite's server that faults need: its sockets can be closed for a while, and it can die."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import cast

from amqpbroker.server.config import Config
from amqpbroker.server.listening import addresses_of
from amqpbroker.server.server import SHUTDOWN, Server
from amqpbroker.testing.crashes.disk import CrashableDisk
from amqpbroker.testing.crashes.ledger import Ledger
from amqpbroker.testing.faults.door import Door
from amqpbroker.testing.faults.rules import Rules
from amqpbroker.testing.faults.transport import FaultyTransport
from amqpbroker.testing.virtual_ticker import VirtualTicker


class CrashableServer(Server):
    """rules: its faults. door: where clients come in. ledger: what publishers were told is safe.

    is_crashed: it is dead, and nothing of it is to be used any more. starts_again: somebody is there who does that.
    """

    disk_type = CrashableDisk
    # Clients that wait in the very thread that stops it never answer; those that can have answered by then.
    stop_timeout_s = 0.05

    clock: VirtualTicker
    socket_clock: VirtualTicker

    def __init__(self, config: Config, ledger: Ledger) -> None:
        super().__init__(config)
        self.ledger = ledger
        self.is_crashed = False
        self.starts_again = False
        self.rules = Rules(self)
        self.door = Door(self)
        self._under_way: set[asyncio.Task[None]] = set()

    def observed(self) -> Iterator[FaultyTransport]:
        """The sockets of clients."""
        return (one for one in list(self.connections) if isinstance(one, FaultyTransport))

    # What takes more than a turn of the loop

    def do(self, work: Coroutine[None, None, None]) -> None:
        """Begins it; `settled` waits for it."""
        self._under_way.add(self.loop.create_task(work))

    async def settled(self) -> None:
        """Ends when what was begun is done. Raises what it raises."""
        while self._under_way:
            task = next(iter(self._under_way))
            self._under_way.discard(task)
            await task

    # Its sockets

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

    # Its end

    @property
    def disk(self) -> CrashableDisk | None:
        """The data directory; None: everything is in memory."""
        return cast(CrashableDisk, self.storage._disk) if self.storage is not None else None

    def follow(self, old: "CrashableServer") -> None:
        """It takes the place of one that has ended: its time and its faults go on from there."""
        self.clock.go_on_from(old.clock)
        self.socket_clock.go_on_from(old.socket_clock)
        self.rules.go_on_from(old.rules)

    def crash(self, *, power_cut: bool) -> None:
        """Ends as kill -9 ends a process: nothing more is written, and every client gets RST. `settled`: it is gone.

        power_cut: what was not synced is lost.
        """
        if self.is_crashed:
            return
        self.is_crashed = True
        disk = self.disk
        if disk is not None:
            disk.die()
        self.ledger.ended(self)
        self.clock.stop()
        if self.storage is not None:
            # Whatever its thread has to say now is nobody's business any more.
            self.storage._failed = True
        self._all_gone = asyncio.Event()
        for socket in self.observed():
            socket.cut_off()
        self.do(self.door.close())
        self.rules.stop()
        self.do(self._bury(disk if power_cut else None))

    async def _bury(self, without_power: CrashableDisk | None) -> None:
        if self.connections and self._all_gone is not None:
            await self._all_gone.wait()
        if self._log_exchange is not None:
            self._log_exchange.end()
        self._close_storage()
        if without_power is not None:
            without_power.cut_power()
        self.socket_clock.stop()
        self.clock.stop()

    async def stop(self, reason: str = SHUTDOWN) -> None:
        if self.is_crashed:
            await self.settled()
            return
        self.rules.stop()
        try:
            await self.settled()
        finally:
            await super().stop(reason)
            self.clock.stop()
