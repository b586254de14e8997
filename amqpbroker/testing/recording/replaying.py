"""A recording once more: its definitions, and its messages at their times.

What it publishes is the broker's own doing to permissions and confirms, and a client's to everybody who looks.
"""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from amqpbroker.errors import AMQPError
from amqpbroker.management.definitions.document import DefinitionsError
from amqpbroker.management.definitions.importing import import_definitions
from amqpbroker.model.counters import Counters
from amqpbroker.model.exchange import Kept
from amqpbroker.model.message import Message, address_of, flags_of
from amqpbroker.model.ports import Client
from amqpbroker.testing.recording.blind_copies import BCC
from amqpbroker.testing.recording.errors import RecordingError
from amqpbroker.testing.recording.lines import Defined, Deleted, Line, Published
from amqpbroker.testing.recording.reading import Recording
from amqpbroker.testing.recording.topology import delete
from amqpbroker.wire.properties import Properties, encode
from amqpbroker.wire.tables import texts

if TYPE_CHECKING:
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.testing.server import ObservedServer

VIRTUAL: Final = "virtual"
REAL: Final = "real"
Speed = str | float
# What is made is whose who is there in every broker.
_USER: Final = "guest"
# Others have their turn after so many lines.
_TURN_LINES: Final = 500


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was done: how many messages were published; how long that took by the clock of the recording."""

    message_count: int
    lasted_s: float


async def replay(server: "ObservedServer", recording: Recording, speed: Speed) -> Replayed:
    """Runs on the loop of the server. speed: 'virtual', 'real', or so many times as fast as it was.

    Raises ValueError: it is no speed; RecordingError: a line that this broker refuses. What stood before it is done.
    """
    factor = _factor(speed)
    replayer = Replayer(server, recording.path)
    replayer.begin(recording)
    begin_s = server.loop.time() if factor else server.clock.now_s()
    with ExitStack() as afterwards:
        if not factor and not server.clock.is_frozen:
            server.clock.freeze()
            afterwards.callback(server.clock.resume)
        for done, (number, line) in enumerate(recording.lines):
            if not factor:
                server.clock.advance(max(begin_s + line.at_s - server.clock.now_s(), 0.0))
            elif (wait_s := begin_s + line.at_s / factor - server.loop.time()) > 0:
                server.batch.finish()
                await asyncio.sleep(wait_s)
            if done % _TURN_LINES == 0:
                server.batch.finish()
                await asyncio.sleep(0)
            replayer.do(number, line)
        server.batch.finish()
    return Replayed(replayer.message_count, recording.lines[-1][1].at_s)


def _factor(speed: Speed) -> float:
    """How many times as fast as it was; 0: as fast as can be, by the virtual clock."""
    if speed == VIRTUAL:
        return 0.0
    if speed == REAL:
        return 1.0
    if isinstance(speed, int | float) and not isinstance(speed, bool) and 0 < speed < float("inf"):
        return float(speed)
    raise ValueError(f"{speed!r} is no speed: give 'virtual', 'real', or how many times as fast it shall be")


class Replayer:
    """Does what the lines of a recording say. To those who watch it is a client, of the name `replay`."""

    def __init__(self, server: "ObservedServer", path: str) -> None:
        self._server = server
        self._path = path
        self.counters = Counters()
        self.message_count = 0

    def begin(self, recording: Recording) -> None:
        """What was there when it began."""
        self.do(1, Defined(0.0, recording.start.definitions))

    def do(self, number: int, line: Line) -> None:
        """What a line says, now. number: which it is. Raises RecordingError."""
        broker = self._server.broker
        try:
            match line:
                case Published():
                    self._publish(line)
                case Defined():
                    import_definitions(broker, line.definitions, user=_USER)
                case Deleted():
                    delete(broker, line.definitions, _USER)
        except DefinitionsError as error:
            raise RecordingError(self._path, number, error.reason) from None
        except AMQPError as error:
            raise RecordingError(self._path, number, error.text) from None

    def _publish(self, line: Published) -> None:
        vhost = self._server.broker.vhosts.get(line.vhost)
        if vhost is None:
            raise DefinitionsError(f"there is no virtual host '{line.vhost}'")
        exchange = vhost.exchange(line.exchange)
        values = line.properties
        headers = values.headers or {}
        keys = [line.routing_key, *texts(headers, "CC"), *texts(headers, BCC)]
        header = encode(_without_blind_copies(line), len(line.body))
        flags = flags_of(values.delivery_mode, values.priority, values.expiration is not None)
        message: Message = (address_of(line.exchange, line.routing_key), header, line.body, flags)
        routing = vhost.route(exchange, keys, values)
        for keeper in routing.keepers:
            keeper.keep(Kept(keys, values, message))
        queues = [vhost.queues[name] for name in routing.queue_names]
        if vhost.tap is not None:
            vhost.tap.published(self, exchange, queues, [message])
        vhost.put(queues, [message])
        self.message_count += 1

    # What a client's channel is to those who watch

    def client(self) -> Client:
        """Who it is."""
        return Client("replay", 0, _USER)

    def outlet(self) -> object:
        """Nothing is delivered to it."""
        return self

    def deliver(
        self, consumer: "Consumer", positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        """It consumes nothing."""

    def cancelled(self, consumer: "Consumer") -> None:
        """It consumes nothing."""


def _without_blind_copies(line: Published) -> Properties:
    values = line.properties
    if values.headers is None or BCC not in values.headers:
        return values
    return replace(values, headers={name: field for name, field in values.headers.items() if name != BCC})
