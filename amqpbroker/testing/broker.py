"""A broker in a thread of its own, for tests that wait for answers."""

import os
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from amqpbroker.testing import vhosts
from amqpbroker.testing.async_broker import AsyncBroker
from amqpbroker.testing.clock import Time
from amqpbroker.testing.crashes.ledger import ConfirmedMessage
from amqpbroker.testing.durations import Duration
from amqpbroker.testing.errors import BrokerStoppedError
from amqpbroker.testing.faults.begun import Faults
from amqpbroker.testing.inspection.view import View
from amqpbroker.testing.linter.findings import Finding
from amqpbroker.testing.looking import Looking
from amqpbroker.testing.loop_thread import LoopThread
from amqpbroker.testing.server import ObservedServer
from amqpbroker.testing.vhosts import Vhost

if TYPE_CHECKING:
    from amqpbroker.testing.recording.replaying import Replayed, Speed
    from amqpbroker.testing.snapshots import Snapshot

P = ParamSpec("P")
T = TypeVar("T")


class Broker(Looking):
    """A context manager; or `start` and `stop`. One that was stopped does not start again.

    What it shows is of the virtual host of its start; `vhost` has others. clock: the time that it goes by. faults: what
    goes wrong.
    """

    def __init__(
        self, *, http: bool = False, lint: bool = True, lint_ignore: Collection[str] = (), **settings: object
    ) -> None:
        """lint: whether `warnings` has any; lint_ignore: names of rules that are not wanted.

        settings: see `amqpbroker.testing.settings.config_of`. Raises ConfigError.
        """
        self._inside = AsyncBroker(http=http, lint=lint, lint_ignore=lint_ignore, **settings)
        self._thread: LoopThread | None = None
        self.clock = Clock(self)
        self.faults = Faults(self)

    @property
    def is_stopped(self) -> bool:
        """Whether nothing runs."""
        return self._inside.is_stopped

    @property
    def server(self) -> ObservedServer:
        """What runs; to be touched on its own thread only, by `ask`. Raises BrokerStoppedError."""
        return self._inside.server

    @property
    def port(self) -> int:
        """Where AMQP is spoken, on the first of its addresses."""
        return self._inside.port

    @property
    def url(self) -> str:
        """Where clients connect: guest's, in the virtual host of the start."""
        return self._inside.url

    @property
    def http_url(self) -> str:
        """Where the management API and the web UI are. Raises BrokerStoppedError; ValueError: it is not http=True."""
        return self._inside.http_url

    def url_of(self, vhost: str) -> str:
        """Where clients connect: guest's, in this virtual host."""
        return self._inside.url_of(vhost)

    def vhost(self, name: str) -> Vhost:
        """What is in a virtual host, which need not be there yet."""
        return Vhost(self, name)

    def create_vhost(self, name: str) -> Vhost:
        """A virtual host in which every user may do everything. ValueError: it is there already."""
        self.ask(lambda: vhosts.create(self.server, name))
        return self.vhost(name)

    def delete_vhost(self, name: str) -> None:
        """It goes with all that is in it, and its connections. Raises KeyError; ValueError: it is the first."""
        self.ask(lambda: vhosts.delete(self.server, name))

    def reset(self, *, keep_connections: bool = False) -> None:
        """The broker is as it was when it started.

        No queues, exchanges, bindings and policies, no other virtual hosts and users than at the start; history, faults
        and warnings are empty; time goes on, at its own pace, and never back. Connections are closed with 320 unless
        they are kept: then their consumers are cancelled, as by the deletion of their queues.
        """
        self._on_its_thread("reset").run(self._inside.reset(keep_connections=keep_connections))

    def snapshot(self) -> "Snapshot":
        """What is there now, as `restore` puts it back, as often as one likes.

        Virtual hosts, exchanges, bindings, policies, users, and messages with their order and flags. What clients have
        is taken as if they had given it back, exclusive queues are not taken. Raises SnapshotError: what is on disk.
        """
        from amqpbroker.testing.snapshots import Snapshot  # few tests take one

        return self.ask(lambda: Snapshot(self.server))

    def restore(self, snapshot: "Snapshot", *, keep_connections: bool = False) -> None:
        """What was there then is there again, and nothing else; what has a deadline has as much time left as then.

        Connections, history, faults and warnings: as `reset`. Raises SnapshotError.
        """
        self.ask(lambda: snapshot.restore(self.server, keep_connections=keep_connections))

    @property
    def _view(self) -> View:
        return self._inside._view

    def start(self) -> Self:
        """Listens from now on. Raises as `Server.start` does."""
        thread = LoopThread("amqpbroker")
        with ExitStack() as if_refused:
            if_refused.callback(thread.end)
            thread.run(self._inside.start())
            if_refused.pop_all()
        self._thread = thread
        return self

    def stop(self) -> None:
        """Closes every connection, and ends; nothing is left."""
        thread, self._thread = self._thread, None
        if thread is not None:
            try:
                thread.run(self._inside.stop())
            finally:
                thread.end()

    def crash(self, *, power_cut: bool = False) -> None:
        """Ends as by kill -9: what is not written yet is lost, clients get RST, nobody listens. `restart` follows.

        power_cut: what is not synced yet is lost as well. Nothing happens to one that has crashed.
        """
        self._on_its_thread("crash").run(self._inside.crash(power_cut=power_cut))

    def restart(self) -> None:
        """Ends, if it has not crashed, and starts again: port, data and time are the same. Raises as `start` does."""
        self._on_its_thread("restart").run(self._inside.restart())

    @property
    def confirmed(self) -> list[ConfirmedMessage]:
        """What publishers were told is safe, in that order: persistent messages in durable queues.

        After a restart: those of them that are still there.
        """
        return self._inside.confirmed if self.is_stopped else self.ask(lambda: self._inside.confirmed)

    def assert_confirmed_survived(self) -> None:
        """Raises AssertionError: a confirmed message that was not settled was not there when `restart` was done.

        RuntimeError: there was no restart.
        """
        self._inside.assert_confirmed_survived()

    def _on_its_thread(self, what: str) -> LoopThread:
        if self._thread is None:
            raise BrokerStoppedError(what, self._inside.is_started)
        return self._thread

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def warnings(self) -> list[Finding]:
        """What the linter has found so far, also when the broker is stopped or has crashed."""
        if self._thread is None:
            return self._inside.linter.found()
        return self._thread.run(self._inside.warnings())

    def take_warnings(self) -> list[Finding]:
        """The same; what happens from now on is found again: another test begins."""
        if self._thread is None:
            return self._inside.linter.take()
        return self._thread.run(self._inside.take_warnings())

    @contextmanager
    def record(
        self, path: str | os.PathLike[str], *, scrub: bool = False, scrub_headers: Collection[str] = ()
    ) -> Iterator[None]:
        """Writes what is declared and published meanwhile to a file, also when the block fails.

        scrub: bodies become as many x. scrub_headers: so do these headers. Raises OSError.
        """
        from amqpbroker.testing.recording.recorder import RunRecorder  # few suites record

        recorder = RunRecorder(self.server, path, scrub=scrub, scrub_headers=scrub_headers)
        self.ask(recorder.begin)
        try:
            yield
        finally:
            if self._thread is not None:
                self._thread.run(self._inside._end(recorder))
            else:
                recorder.end()
            recorder.save()

    def replay(self, path: str | os.PathLike[str], *, speed: "Speed" = "virtual") -> "Replayed":
        """Declares and publishes what a recording has, by the virtual clock, which is turned on to the time of each.

        speed: 'real': as fast as it was, by the real clock; a number: so many times as fast.
        Raises RecordingError: the file, the line and what is wrong; ValueError: it is no speed; OSError.
        """
        if self._thread is None:
            raise BrokerStoppedError("replay", self._inside.is_started)
        return self._thread.run(self._inside.replay(path, speed=speed))

    def ask(self, look: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        """What look gives, called on the broker's thread once all that local clients have sent by now is read and done.

        Raises BrokerStoppedError, and what look raises.
        """
        if self._thread is None:
            raise BrokerStoppedError(getattr(look, "__name__", "ask"), self._inside.is_started)
        return self._thread.run(self._inside.ask(look, *arguments, **keywords))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._thread is None:
            work.close()
            raise BrokerStoppedError("wait", self._inside.is_started)
        return self._thread.run(work)


class Clock:
    """The time that queues, messages and consumers' timeouts go by."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def freeze(self) -> None:
        """Time stands still: nothing falls due but by `advance`."""
        self._broker.ask(Time(self._broker.server).freeze)

    def resume(self) -> None:
        """Time goes on from where it stands."""
        self._broker.ask(Time(self._broker.server).resume)

    def advance(self, duration: Duration, *, heartbeats: bool = False) -> None:
        """Turns the time on: all that falls due by then is done, in order, at the time at which it was due.

        heartbeats: turns the clock of heartbeats and handshakes on as well, which a client's own does not follow.
        ValueError: it is no duration.
        """
        self._broker.ask(Time(self._broker.server).advance, duration, heartbeats)

    def is_frozen(self) -> bool:
        """Whether time stands still."""
        return self._broker.ask(Time(self._broker.server).is_frozen)

    def now(self) -> datetime:
        """The time of day that the broker goes by, in UTC."""
        return self._broker.ask(Time(self._broker.server).now)
