"""Notes what is declared and published in a broker, and when by its clock; the file is written at the end.

Dead letters and whatever else the broker sends on by itself are no part of it: they come about again.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from amqpbroker.model.message import Message, split_address
from amqpbroker.model.ports import Sink, Tap
from amqpbroker.testing.recording.blind_copies import BCC
from amqpbroker.testing.recording.lines import Defined, Deleted, Line, Published, Start
from amqpbroker.testing.recording.scrubbing import scrubbed
from amqpbroker.testing.recording.topology import Topology, versions_of
from amqpbroker.testing.recording.writing import reserve, write_recording
from amqpbroker.wire import properties
from amqpbroker.wire.tables import Field

if TYPE_CHECKING:
    from amqpbroker.model.exchange import Exchange
    from amqpbroker.model.queue import Queue
    from amqpbroker.model.vhost import VirtualHost
    from amqpbroker.testing.server import ObservedServer

# Microseconds are enough to tell what was first.
_PLACES: Final = 6


class RunRecorder:
    """From `begin` to `end`, on the loop of the server; `save` is the caller's.

    scrub: whether bodies are not to be read in the file; scrub_headers: names of headers that are not.
    Raises OSError: there is no room for the file.
    """

    def __init__(
        self, server: "ObservedServer", path: str | os.PathLike[str], *, scrub: bool, scrub_headers: Collection[str]
    ) -> None:
        self._server = server
        self._path = os.fspath(path)
        self._scrub = scrub
        self._scrub_headers = frozenset(scrub_headers)
        reserve(self._path)
        self._taps: dict[VirtualHost, RecorderTap] = {}
        self._is_restarted = False
        self._begin_s = self._end_s = 0.0
        self._start: Start
        self._topology: Topology
        self._noted: list[Defined | Deleted | tuple[float, str, Message, Field | None]] = []
        # The header BCC, which is gone from a message by the time it is routed: by the message, which is kept with it.
        self._blind: dict[int, tuple[Message, Field]] = {}

    def begin(self) -> None:
        """From now on."""
        broker = self._server.broker
        self._begin_s = self._server.clock.now_s()
        self._topology = Topology(broker)
        now = datetime.fromtimestamp(self._server.clock.unix_ms() / 1000, UTC)
        self._start = Start(now.isoformat(), broker.profile.version, self._topology.document())
        self._tap_new_vhosts()
        self._server.watchers.append(self._look)
        self._server.run_recorders.append(self)

    def follow(self, server: "ObservedServer") -> None:
        """The broker has ended, and goes on with this server once it is open."""
        self._server = server
        self._taps.clear()
        self._is_restarted = True
        server.watchers.append(self._look)
        server.run_recorders.append(self)

    def end(self) -> None:
        """No more."""
        self._look()
        self._end_s = self._at_s()
        self._server.watchers.remove(self._look)
        self._server.run_recorders.remove(self)
        for vhost, tap in self._taps.items():
            vhost.unwatch(tap)
        self._taps.clear()

    def save(self) -> None:
        """The file is there, whole. Raises OSError, and it is not."""
        write_recording(self._path, self._start, self._lines(), lambda: self._end_s)

    def _lines(self) -> Iterator[Line]:
        for noted in self._noted:
            if isinstance(noted, Defined | Deleted):
                yield noted
            else:
                at_s, vhost, message, blind = noted
                line = published(at_s, vhost, message, blind)
                yield scrubbed(line, body=self._scrub, headers=self._scrub_headers)

    # What it is told

    def blind_copies(self, message: Message, field: Field) -> None:
        """A client publishes this, and had a BCC with it."""
        self._blind[id(message)] = (message, field)

    def published(self, vhost: "VirtualHost", messages: Sequence[Message]) -> None:
        """A client has, now or with its transaction."""
        self._look()
        at_s = self._at_s()
        for message in messages:
            _, blind = self._blind.pop(id(message), (None, None))
            self._noted.append((at_s, vhost.name, message, blind))

    def _look(self) -> None:
        broker = self._server.broker
        if versions_of(broker) == self._topology.versions and not self._is_restarted:
            return
        before, self._topology = self._topology, Topology(broker)
        gone, came = self._topology.since(before, is_restarted=self._is_restarted)
        self._is_restarted = False
        at_s = self._at_s()
        if gone:
            self._noted.append(Deleted(at_s, gone))
        if came:
            self._noted.append(Defined(at_s, came))
        self._tap_new_vhosts()

    def _tap_new_vhosts(self) -> None:
        for vhost in self._server.broker.vhosts.values():
            if vhost not in self._taps:
                tap = self._taps[vhost] = RecorderTap(self, vhost)
                vhost.watch(tap)

    def _at_s(self) -> float:
        return round(self._server.clock.now_s() - self._begin_s, _PLACES)


class RecorderTap(Tap):
    """Tells the recorder of what clients publish in a virtual host, in order."""

    def __init__(self, recorder: RunRecorder, vhost: "VirtualHost") -> None:
        self._recorder = recorder
        self._vhost = vhost

    def published(
        self, sink: Sink, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Message]
    ) -> None:
        self._recorder.published(self._vhost, messages)


def published(at_s: float, vhost: str, message: Message, blind: Field | None) -> Published:
    """A message as a line. blind: its header BCC."""
    address, header, body, _ = message
    exchange, routing_key = split_address(address)
    values = properties.decode(header)
    if blind is not None:
        values.headers = (values.headers or {}) | {BCC: blind}
    return Published(at_s, vhost, exchange, routing_key, values, body)
