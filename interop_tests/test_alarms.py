"""Out of memory or disk: who publishes is held back and told, who consumes goes on, and nothing is lost."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from interop_tests.conftest import started_broker

BODY_BYTES = 10_000
# What the broker may take is some 2,000 of these messages.
WATERMARK = "20MB"
COUNT = 6_000
PATIENCE_S = 15.0


@pytest.fixture
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where a broker of the test's own may write."""
    if request.config.getoption("--amqpbroker-url", default=None):
        pytest.skip("the limits of a broker that was started by somebody else are not ours to change")
    return tmp_path


@pytest.fixture
def small_url(directory: Path) -> Iterator[str]:
    """A broker with little memory."""
    with started_broker(directory, "--vm-memory-high-watermark", WATERMARK) as url:
        yield url


@pytest.fixture
def full_url(directory: Path) -> Iterator[str]:
    """A broker for which no disk is large enough."""
    storage = ("--data-dir", str(directory / "data"), "--disk-free-limit", "1000PB")
    with started_broker(directory, storage=storage) as url:
        yield url


class Publisher:
    """Publishes numbered messages, as fast as it may, and rests while it is blocked; told: what the broker told it."""

    def __init__(self, url: str, queue: str) -> None:
        self.connection = pika.BlockingConnection(pika.URLParameters(url))
        self.connection.add_on_connection_blocked_callback(self._on_blocked)
        self.connection.add_on_connection_unblocked_callback(self._on_unblocked)
        self.channel = self.connection.channel()
        self.channel.queue_declare(queue)
        self.queue = queue
        self.told: list[str] = []
        self.is_blocked = False
        self.was_blocked = threading.Event()
        self.next_number = 0

    def _on_blocked(self, _connection: object, method: pika.frame.Method) -> None:
        self.told.append(f"blocked: {method.method.reason}")
        self.is_blocked = True
        self.was_blocked.set()

    def _on_unblocked(self, *_: object) -> None:
        self.told.append("unblocked")
        self.is_blocked = False
        self.was_blocked.clear()

    def publish_all(self) -> None:
        """Publishes COUNT messages; for a thread of its own."""
        while self.next_number < COUNT:
            self.publish_until_blocked(COUNT)
            self.wait()

    def publish_until_blocked(self, most: int = 100_000) -> None:
        """Publishes until it is told to stop, or has published so many."""
        while not self.is_blocked and self.next_number < most:
            self.channel.basic_publish("", self.queue, b"%d" % self.next_number + bytes(BODY_BYTES))
            self.next_number += 1
            self.connection.process_data_events(0)

    def wait(self) -> None:
        """Rests until it may go on."""
        while self.is_blocked:
            self.connection.process_data_events(0.1)


def numbers(channel: BlockingChannel, queue: str, count: int) -> list[int]:
    """Consumes and acknowledges so many messages; what they are numbered."""
    channel.basic_qos(prefetch_count=500)
    found: list[int] = []
    for method, _, body in channel.consume(queue, inactivity_timeout=PATIENCE_S):
        assert method is not None, f"nothing came after {len(found)} messages"
        found.append(int(body.rstrip(b"\0")))
        channel.basic_ack(method.delivery_tag)
        if len(found) == count:
            break
    channel.cancel()
    return found


def test_a_publisher_waits_until_consumers_have_made_room_and_nothing_is_lost(small_url: str) -> None:
    publisher = Publisher(small_url, "work")
    publishing = threading.Thread(target=publisher.publish_all, daemon=True)
    publishing.start()
    assert publisher.was_blocked.wait(PATIENCE_S)
    with pika.BlockingConnection(pika.URLParameters(small_url)) as consumer:
        channel = consumer.channel()
        waiting = channel.queue_declare("work", passive=True).method.message_count
        assert 1_500 < waiting < 4_000
        assert numbers(channel, "work", COUNT) == list(range(COUNT))
    publishing.join(PATIENCE_S)
    assert not publishing.is_alive()
    pairs = len(publisher.told) // 2
    assert pairs >= 1
    assert publisher.told == pairs * ["blocked: low on memory", "unblocked"]
    publisher.connection.close()


def test_the_alarm_comes_again(small_url: str) -> None:
    publisher = Publisher(small_url, "work")
    for times in (1, 2):
        publisher.publish_until_blocked()
        with pika.BlockingConnection(pika.URLParameters(small_url)) as other:
            other.channel().queue_purge("work")
        publisher.wait()
        assert publisher.told == times * ["blocked: low on memory", "unblocked"]
    publisher.connection.close()


def test_who_only_consumes_or_declares_is_told_nothing(small_url: str) -> None:
    publisher = Publisher(small_url, "work")
    publisher.publish_until_blocked()
    with pika.BlockingConnection(pika.URLParameters(small_url)) as other:
        told: list[object] = []
        other.add_on_connection_blocked_callback(lambda *what: told.append(what))
        channel = other.channel()
        channel.queue_declare("another")
        assert channel.basic_get("work", auto_ack=True)[2].startswith(b"0\0")
        other.process_data_events(0.2)
        assert told == []
        channel.queue_purge("work")
    publisher.wait()
    publisher.connection.close()


def test_a_publisher_that_consumes_on_its_connection_makes_room_for_itself(small_url: str) -> None:
    publisher = Publisher(small_url, "work")
    unacknowledged: list[int] = []
    publisher.channel.basic_qos(prefetch_count=1_000)
    publisher.channel.basic_consume("work", lambda _, method, *__: unacknowledged.append(method.delivery_tag))
    publisher.publish_until_blocked()
    while publisher.is_blocked:
        # RabbitMQ would not read this.
        if unacknowledged:
            publisher.channel.basic_ack(unacknowledged[-1], multiple=True)
            unacknowledged.clear()
        publisher.connection.process_data_events(0.1)
    assert publisher.told == ["blocked: low on memory", "unblocked"]
    publisher.connection.close()


def test_a_full_disk_holds_back_the_first_who_publishes(full_url: str) -> None:
    publisher = Publisher(full_url, "work")
    publisher.publish_until_blocked()
    assert publisher.told == ["blocked: low on disk"]
    with pika.BlockingConnection(pika.URLParameters(full_url)) as consumer:
        assert numbers(consumer.channel(), "work", 1) == [0]
    # Its close would not be read either, as RabbitMQ's: the end of the broker ends it.
