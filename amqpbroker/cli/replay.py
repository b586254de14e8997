"""`amqpbroker replay`: what a recording has, declared and published once more."""

import os
import time
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from amqpbroker.cli import EXIT_FAILED, EXIT_OK, EXIT_UNREACHABLE, amqp, complain, login, say
from amqpbroker.cli.amqp import Address, Failure
from amqpbroker.cli.client import DEFAULT_URL, Client, Refused, Unreachable
from amqpbroker.cli.login import UsageError
from amqpbroker.cli.tables import printable
from amqpbroker.testing.recording.errors import RecordingError
from amqpbroker.testing.recording.lines import Defined, Published
from amqpbroker.testing.recording.reading import Recording, read_recording
from amqpbroker.wire.properties import Properties, encode

if TYPE_CHECKING:
    import pika
    from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

# Heartbeats of connections that have nothing to do are looked after so often.
_LOOK_S: Final = 10.0
# Of a header frame: class, weight and the size of the body stand before.
_FLAGS_AT: Final = 12


def run(arguments: list[str]) -> int:
    """Replay, and give the exit code."""
    parser = ArgumentParser(
        "amqpbroker replay",
        description="Declare what a recording has, and publish its messages at their times. Each is waited for until "
        "the broker has confirmed it. What was deleted in the run stays.",
        epilog="exit codes: 0 fine, 1 refused, 2 usage or no recording, 69 the broker cannot be reached",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="the recording")
    parser.add_argument(
        "--speed", type=float, default=1.0, metavar="FACTOR", help="so many times as fast as it was; 0: without waiting"
    )
    parser.add_argument("--no-definitions", action="store_true", help="declare nothing; what it needs is there")
    parser.add_argument(
        "--http", metavar="URL", help=f"the HTTP API, for definitions; AMQPBROKER_HTTP, or {DEFAULT_URL}"
    )
    amqp.add_options(parser)
    return amqp.guarded(parser, arguments, _replay)


def _replay(options: Namespace) -> int:
    if options.vhost:
        raise UsageError("--vhost: a recording names its virtual hosts; leave it out")
    if not 0 <= options.speed < float("inf"):
        raise UsageError(f"--speed: {options.speed} is no speed; give how many times as fast as it was, or 0")
    to = amqp.address(options, os.environ)
    try:
        recording = read_recording(options.file)
    except OSError as error:
        raise UsageError(f"{options.file}: cannot be read ({error.strerror}); name a recording") from None
    except RecordingError as error:
        raise UsageError(str(error)) from None
    client = None if options.no_definitions else login.client(options)
    replay = Replay(to, client, options.speed)
    try:
        replay.all_of(recording)
    finally:
        if client is not None:
            client.close()
    say(printable(f"published and confirmed: {replay.published:,}"))
    return EXIT_FAILED if replay.refused else EXIT_OK


class Replay:
    """client: of the HTTP API; None: nothing is declared. speed: 0: without waiting.

    published, refused: how many messages the broker has confirmed, and how many it did not take.
    """

    def __init__(self, to: Address, client: Client | None, speed: float) -> None:
        self._to = to
        self._client = client
        self._speed = speed
        # By virtual host.
        self._channels: dict[str, BlockingChannel] = {}
        self.published = self.refused = 0

    def all_of(self, recording: Recording) -> None:
        """Does it. Raises Failure, UsageError."""
        from pika.exceptions import AMQPError

        try:
            self._declare(recording.start.definitions)
            begin_s = time.monotonic()
            for _, line in recording.lines:
                self._wait_until(begin_s + line.at_s / self._speed if self._speed else begin_s)
                if isinstance(line, Defined):
                    self._declare(line.definitions)
                elif isinstance(line, Published):
                    self._publish(line)
        except AMQPError as error:
            raise Failure(EXIT_FAILED, amqp.words(error)) from None
        finally:
            for connection in self._connections():
                if connection.is_open:
                    connection.close()

    def _connections(self) -> "list[BlockingConnection]":
        return [channel.connection for channel in self._channels.values()]

    def _declare(self, definitions: dict[str, Any]) -> None:
        if self._client is None or not definitions:
            return
        try:
            self._client.post("definitions", body=definitions)
        except Refused as refusal:
            raise Failure(EXIT_FAILED, f"definitions: {refusal}") from None
        except Unreachable as error:
            raise Failure(EXIT_UNREACHABLE, str(error)) from None

    def _publish(self, line: Published) -> None:
        from pika.exceptions import NackError

        try:
            self._channel(line.vhost).basic_publish(
                line.exchange, line.routing_key, line.body, pika_properties(line.properties)
            )
            self.published += 1
        except NackError:
            self.refused += 1
            complain("the broker did not take a message (basic.nack): a queue is full, or the broker cannot keep it")

    def _channel(self, vhost: str) -> "BlockingChannel":
        if vhost not in self._channels:
            channel = amqp.connect(self._to._replace(vhost=vhost)).channel()
            channel.confirm_delivery()
            self._channels[vhost] = channel
        return self._channels[vhost]

    def _wait_until(self, when_s: float) -> None:
        while (wait_s := min(when_s - time.monotonic(), _LOOK_S)) > 0:
            time.sleep(wait_s)
            for connection in self._connections():
                connection.process_data_events()


def pika_properties(values: Properties) -> "pika.BasicProperties":
    """The same for pika, octet by octet: it has no numbers but whole ones, and chooses their types.

    Nobody publishes in another's name, so the user-id stays behind.
    """
    import pika

    octets = encode(replace(values, user_id=None), 0)[_FLAGS_AT:]

    class Encoded(pika.BasicProperties):  # type: ignore[misc]
        """What pika writes behind the size of the body."""

        def encode(self) -> list[bytes]:
            return [octets]

    return Encoded()
