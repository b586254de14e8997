"""A broker of the test's own with a data directory, that is stopped, killed and started again."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pika
from pika.adapters.blocking_connection import BlockingChannel

from crashing.brokers import Broker
from interop_tests.rabbitmq import free_ports

PERSISTENT = pika.BasicProperties(delivery_mode=2)


class RestartingBroker:
    """It keeps its port. options: more of them for amqpbroker serve."""

    def __init__(self, directory: Path, *options: str, data_dir: Path | None = None) -> None:
        self.data_dir = data_dir or directory / "data"
        self._directory = directory
        self._options = options
        (self.port,) = free_ports(1)
        self.process: Broker | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self, *options: str) -> None:
        """Returns when it is ready. Raises crashing.brokers.NotReady."""
        directory = self._directory
        self.process = Broker(self.data_dir, directory, "--port", str(self.port), *self._options, *options)
        self.process.wait_until_ready()

    def stop(self) -> None:
        """SIGTERM, and a good end."""
        assert self.process is not None
        assert self.process.stop() == 0, self.process.last_words()
        assert "Traceback" not in self.process.output()

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()

    @contextlib.contextmanager
    def channel(self) -> Iterator[BlockingChannel]:
        """A channel of a connection of its own, closed in the end if the broker still lives."""
        parameters = pika.URLParameters(self.url)
        parameters.socket_timeout = 5
        connection = pika.BlockingConnection(parameters)
        try:
            yield connection.channel()
        finally:
            with contextlib.suppress(pika.exceptions.AMQPError):
                connection.close()


def publish_persistent(channel: BlockingChannel, queue: str, *bodies: object) -> None:
    """Publish the bodies, as text, to the queue by the default exchange; all are confirmed when this returns."""
    channel.confirm_delivery()
    for body in bodies:
        channel.basic_publish("", queue, str(body).encode(), PERSISTENT)
