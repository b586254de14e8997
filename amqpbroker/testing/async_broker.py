"""A broker on the loop of its caller."""

import os
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar
from urllib.parse import quote

from amqpbroker.model.broker import Broker as Model
from amqpbroker.testing import vhosts
from amqpbroker.testing.async_looking import AsyncLooking
from amqpbroker.testing.barrier import all_read
from amqpbroker.testing.clock import Time
from amqpbroker.testing.crashes.ledger import ConfirmedMessage, Ledger
from amqpbroker.testing.crashes.restart import restarted
from amqpbroker.testing.durations import Duration
from amqpbroker.testing.errors import BrokerStoppedError
from amqpbroker.testing.faults.begun import AsyncFaults
from amqpbroker.testing.inspection.view import View
from amqpbroker.testing.linter.findings import Finding
from amqpbroker.testing.linter.linter import Linter
from amqpbroker.testing.server import ObservedServer
from amqpbroker.testing.settings import OFF, config_of
from amqpbroker.testing.vhosts import AsyncVhost

if TYPE_CHECKING:
    from amqpbroker.management.management import Management
    from amqpbroker.testing.recording.recorder import RunRecorder
    from amqpbroker.testing.recording.replaying import Replayed, Speed
    from amqpbroker.testing.snapshots import Snapshot

P = ParamSpec("P")
T = TypeVar("T")


class AsyncBroker(AsyncLooking):
    """A context manager; or `start` and `stop`. One that was stopped does not start again.

    What it shows is of the virtual host of its start; `vhost` has others. clock: the time that it goes by. faults: what
    goes wrong. linter: watches what clients do. is_started: whether it runs or has run.
    """

    def __init__(
        self, *, http: bool = False, lint: bool = True, lint_ignore: Collection[str] = (), **settings: object
    ) -> None:
        """lint: whether `warnings` has any; lint_ignore: names of rules that are not wanted.

        settings: see `amqpbroker.testing.settings.config_of`. Raises ConfigError.
        """
        self.linter = Linter(is_on=lint, ignored=lint_ignore)
        self.config = config_of(http=http, **settings)
        self.clock = AsyncClock(self)
        self.faults = AsyncFaults(self)
        self._ledger = Ledger()
        self._server: ObservedServer | None = None
        self._management: Management | None = None
        self._is_somebody_elses = False
        self.is_started = False

    @classmethod
    def around(cls, server: ObservedServer) -> Self:
        """The same of a server that somebody else starts and stops."""
        broker = cls()
        broker.config, broker._server, broker.is_started = server.config, server, True
        broker.linter, broker._ledger = server.linter, server.ledger
        broker._is_somebody_elses = True
        return broker

    @property
    def is_stopped(self) -> bool:
        """Whether nothing runs: it was not started, was stopped, or has crashed."""
        return self._server is None or self._server.is_crashed

    @property
    def server(self) -> ObservedServer:
        """What runs. Raises BrokerStoppedError."""
        if self._server is None or self._server.is_crashed:
            raise BrokerStoppedError("server", self.is_started, is_crashed=self._server is not None)
        return self._server

    @property
    def port(self) -> int:
        """Where AMQP is spoken, on the first of its addresses; the same after a crash."""
        if self._server is None:
            raise BrokerStoppedError("port", self.is_started)
        return self._server.endpoints[0].port

    @property
    def url(self) -> str:
        """Where clients connect: guest's, in the virtual host of the start."""
        return self.url_of(self.config.vhost)

    @property
    def http_url(self) -> str:
        """Where the management API and the web UI are. Raises BrokerStoppedError; ValueError: it is not http=True."""
        from amqpbroker.testing.http import url_of

        _ = self.server
        return url_of(self._management)

    def url_of(self, vhost: str) -> str:
        """Where clients connect: guest's, in this virtual host."""
        path = "" if vhost == "/" else quote(vhost, safe="")
        return f"amqp://guest:guest@{self.config.hosts[0]}:{self.port}/{path}"

    def vhost(self, name: str) -> AsyncVhost:
        """What is in a virtual host, which need not be there yet."""
        return AsyncVhost(self, name)

    async def create_vhost(self, name: str) -> AsyncVhost:
        """A virtual host in which every user may do everything. ValueError: it is there already."""
        await self.ask(vhosts.create, self.server, name)
        return self.vhost(name)

    async def delete_vhost(self, name: str) -> None:
        """It goes with all that is in it, and its connections. Raises KeyError; ValueError: it is the first."""
        await self.ask(vhosts.delete, self.server, name)

    async def reset(self, *, keep_connections: bool = False) -> None:
        """The broker is as it was when it started.

        No queues, exchanges, bindings and policies, no other virtual hosts and users than at the start; history, faults
        and warnings are empty; time goes on, at its own pace, and never back. Connections are closed with 320 unless
        they are kept: then their consumers are cancelled, as by the deletion of their queues.
        """
        server = self.server
        await self.ask(lambda: server.reset(keep_connections=keep_connections))
        await server.recorded()

    async def snapshot(self) -> "Snapshot":
        """What is there now, as `restore` puts it back, as often as one likes.

        Virtual hosts, exchanges, bindings, policies, users, and messages with their order and flags. What clients have
        is taken as if they had given it back, exclusive queues are not taken. Raises SnapshotError: what is on disk.
        """
        from amqpbroker.testing.snapshots import Snapshot  # few tests take one

        return await self.ask(lambda: Snapshot(self.server))

    async def restore(self, snapshot: "Snapshot", *, keep_connections: bool = False) -> None:
        """What was there then is there again, and nothing else; what has a deadline has as much time left as then.

        Connections, history, faults and warnings: as `reset`. Raises SnapshotError.
        """
        await self.ask(lambda: snapshot.restore(self.server, keep_connections=keep_connections))

    @property
    def _view(self) -> View:
        return View(self.server, self.config.vhost)

    async def start(self) -> Self:
        """Listens from now on. Raises as `Server.start` does."""
        if self.is_started:
            raise BrokerStoppedError("start", True)
        self.is_started = True
        server = ObservedServer(self.config, self.linter, self._ledger)
        server.starts_again = True
        server.open(partial(_declare, self.config.definitions) if self.config.definitions else None)
        await server.recorded()
        await server.listen()
        self._server = server
        await self._begin_http(server)
        return self

    async def _begin_http(self, server: ObservedServer) -> None:
        if server.config.http_port == OFF:
            return
        from amqpbroker.testing.http import begun  # with what HTTP needs

        async with AsyncExitStack() as if_refused:
            if_refused.push_async_callback(self.stop)
            self._management = begun(server)
            if_refused.pop_all()

    async def _end_http(self) -> None:
        management, self._management = self._management, None
        if management is not None:
            await management.close()

    async def stop(self) -> None:
        """Closes every connection, and ends."""
        server, self._server = self._server, None
        await self._end_http()
        if server is not None:
            self.linter.end()
            await server.stop()
            server.door.let_go()

    async def crash(self, *, power_cut: bool = False) -> None:
        """Ends as by kill -9: what is not written yet is lost, clients get RST, nobody listens. `restart` follows.

        power_cut: what is not synced yet is lost as well. Nothing happens to one that has crashed.
        """
        server = self._server
        if server is None:
            raise BrokerStoppedError("crash", self.is_started)
        self._check_that_it_is_ours("crash")
        if not server.is_crashed:
            await all_read(server)
        server.crash(power_cut=power_cut)
        await server.settled()

    async def restart(self) -> None:
        """Ends, if it has not crashed, and starts again: port, data and time are the same. Raises as `start` does."""
        if self._server is None:
            raise BrokerStoppedError("restart", self.is_started)
        self._check_that_it_is_ours("restart")
        old, self._server = self._server, None
        server = await restarted(old, self.linter)
        self._server = server
        await self._end_http()
        await self._begin_http(server)

    def _check_that_it_is_ours(self, what: str) -> None:
        if self._is_somebody_elses:
            raise RuntimeError(f"{what}: this broker was started by somebody else, who has to do that")

    @property
    def confirmed(self) -> list[ConfirmedMessage]:
        """What publishers were told is safe, in that order: persistent messages in durable queues.

        After a restart: those of them that are still there.
        """
        return list(self._ledger.confirmed)

    def assert_confirmed_survived(self) -> None:
        """Raises AssertionError: a confirmed message that was not settled was not there when `restart` was done.

        RuntimeError: there was no restart.
        """
        self._ledger.check()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def warnings(self) -> list[Finding]:
        """What the linter has found so far, also when the broker is stopped or has crashed."""
        if self.is_stopped:
            return self.linter.found()
        return await self.ask(self.linter.found)

    async def take_warnings(self) -> list[Finding]:
        """The same; what happens from now on is found again: another test begins."""
        if self.is_stopped:
            return self.linter.take()
        return await self.ask(self.linter.take)

    @asynccontextmanager
    async def record(
        self, path: str | os.PathLike[str], *, scrub: bool = False, scrub_headers: Collection[str] = ()
    ) -> AsyncIterator[None]:
        """Writes what is declared and published meanwhile to a file, also when the block fails.

        scrub: bodies become as many x. scrub_headers: so do these headers. Raises OSError.
        """
        from amqpbroker.testing.recording.recorder import RunRecorder  # few suites record

        recorder = RunRecorder(self.server, path, scrub=scrub, scrub_headers=scrub_headers)
        await self.ask(recorder.begin)
        try:
            yield
        finally:
            await self._end(recorder)
            recorder.save()

    async def _end(self, recorder: "RunRecorder") -> None:
        if self.is_stopped:
            recorder.end()
        else:
            await self.ask(recorder.end)

    async def replay(self, path: str | os.PathLike[str], *, speed: "Speed" = "virtual") -> "Replayed":
        """Declares and publishes what a recording has, by the virtual clock, which is turned on to the time of each.

        speed: 'real': as fast as it was, by the real clock; a number: so many times as fast.
        Raises RecordingError: the file, the line and what is wrong; ValueError: it is no speed; OSError.
        """
        from amqpbroker.testing.recording.reading import read_recording  # few suites replay
        from amqpbroker.testing.recording.replaying import replay

        recording = read_recording(path)
        await all_read(self.server)
        return await replay(self.server, recording, speed)

    async def ask(self, look: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """What look gives once all that local clients have sent by now is read and done."""
        server = self.server
        await all_read(server)
        if server.is_crashed:
            raise BrokerStoppedError(getattr(look, "__name__", "ask"), True, is_crashed=True)
        found = look(*arguments, **keywords)
        server.batch.finish()
        await server.settled()
        return found


def _declare(path: str, broker: Model) -> None:
    """What definitions say, read when there are some. Raises DefinitionsError."""
    from amqpbroker.management.definitions.files import load_definitions

    load_definitions(broker, path)


class AsyncClock:
    """The time that queues, messages and consumers' timeouts go by."""

    def __init__(self, broker: AsyncBroker) -> None:
        self._broker = broker

    async def freeze(self) -> None:
        """Time stands still: nothing falls due but by `advance`."""
        await self._broker.ask(Time(self._broker.server).freeze)

    async def resume(self) -> None:
        """Time goes on from where it stands."""
        await self._broker.ask(Time(self._broker.server).resume)

    async def advance(self, duration: Duration, *, heartbeats: bool = False) -> None:
        """Turns the time on: all that falls due by then is done, in order, at the time at which it was due.

        heartbeats: turns the clock of heartbeats and handshakes on as well, which a client's own does not follow.
        ValueError: it is no duration.
        """
        await self._broker.ask(Time(self._broker.server).advance, duration, heartbeats)

    async def is_frozen(self) -> bool:
        """Whether time stands still."""
        return await self._broker.ask(Time(self._broker.server).is_frozen)

    async def now(self) -> datetime:
        """The time of day that the broker goes by, in UTC."""
        return await self._broker.ask(Time(self._broker.server).now)
