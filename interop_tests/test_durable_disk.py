"""A disk that fails, and one that is full: filesystems of the test's own, so root and a loop device are needed."""

import os
import struct
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from queue import Queue

import pytest
from pamqp import commands
from pika.exceptions import ConnectionClosedByBroker, NackError

from crashing import image
from interop_tests.restarting import PERSISTENT, RestartingBroker, publish_persistent
from interop_tests.steps import get_all
from interop_tests.wire import Wire

BODY = bytes(100_000)
PATIENCE_S = 20.0
EXIT_DISK_FAILED = 74
# Properties with nothing but delivery-mode 2.
PERSISTENT_OCTETS = struct.pack(">HB", 0x1000, 2)
# connection.blocked and unblocked: class and method
BLOCKED, UNBLOCKED = struct.pack(">HH", 10, 60), struct.pack(">HH", 10, 61)


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[image.Image]:
    """A small filesystem."""
    if request.config.getoption("--amqpbroker-url", default=None):
        pytest.skip("the disk of a broker that was started by somebody else is not ours to break")
    if reason := image.cannot():
        pytest.skip(reason)
    with image.Image(tmp_path, 160) as mounted:
        yield mounted


@pytest.fixture
def broker(request: pytest.FixtureRequest, disk: image.Image, tmp_path: Path) -> Iterator[RestartingBroker]:
    """A broker whose data directory is there; its parameter: options for amqpbroker serve."""
    one = RestartingBroker(tmp_path, *getattr(request, "param", ()), data_dir=disk.mount_point / "data")
    one.start()
    yield one
    one.kill()


def test_what_was_not_synced_is_gone_after_a_power_cut(disk: image.Image) -> None:
    assert image.unsynced_is_lost(disk) is None


def test_a_disk_that_fails_ends_the_broker_with_74_and_nothing_more_is_confirmed(
    disk: image.Image, broker: RestartingBroker
) -> None:
    assert broker.process is not None
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
        publish_persistent(channel, "work", *range(100))
        disk.cut_power()
        with pytest.raises((NackError, ConnectionClosedByBroker)) as refused:
            channel.basic_publish("", "work", b"too late", PERSISTENT)
    if isinstance(refused.value, ConnectionClosedByBroker):
        assert refused.value.reply_code == 541
    assert broker.process.process.wait(PATIENCE_S) == EXIT_DISK_FAILED
    assert "Traceback" not in broker.process.output()
    disk.restore_power()
    broker.start()
    with broker.channel() as channel:
        assert [body for body, _ in get_all(channel, "work", auto_ack=True)] == [str(number) for number in range(100)]


class Publisher:
    """Publishes numbered messages, one in flight, until it is told to stop; for a thread of its own."""

    def __init__(self, url: str, queue: str) -> None:
        self.wire = Wire(url, timeout_s=PATIENCE_S)
        self.wire.call(1, commands.Confirm.Select(), commands.Confirm.SelectOk)
        self.queue = queue
        self.blocked: Queue[str] = Queue()
        self.unblocked = threading.Event()
        self.confirmed = 0
        self.stopping = False

    def publish(self) -> None:
        while not self.stopping:
            self.wire.publish("", self.queue, b"%d " % self.confirmed + BODY, properties=PERSISTENT_OCTETS)
            self._wait()
            self.confirmed += 1
        self.wire.close()

    def _wait(self) -> None:
        """Until the confirm."""
        while (received := self.wire.frame()).channel == 0:
            name, arguments = received.payload[:4], received.payload[4:]
            if name == BLOCKED:
                self.blocked.put(arguments[1:].decode())
            else:
                assert name == UNBLOCKED
                self.unblocked.set()


def fill(path: Path) -> None:
    """A file that leaves nothing."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    step = 1 << 20
    try:
        while step >= 1_024:
            try:
                os.write(descriptor, bytes(step))
            except OSError:
                step //= 2
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    "broker", [("--disk-free-limit", "0"), ()], ids=["no room", "no room but for the limit"], indirect=True
)
def test_a_full_disk_holds_publishers_back_until_there_is_room(disk: image.Image, broker: RestartingBroker) -> None:
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
        publisher = Publisher(broker.url, "work")
        publishing = threading.Thread(target=publisher.publish, daemon=True)
        fill(disk.mount_point / "ballast")
        publishing.start()
        assert publisher.blocked.get(timeout=PATIENCE_S) == "low on disk"
        waiting = channel.queue_declare("work", passive=True).method.message_count
        # Who consumes and acknowledges goes on.
        for number, (method, _, body) in enumerate(islice(channel.consume("work"), waiting // 2)):
            assert body == b"%d " % number + BODY
            channel.basic_ack(method.delivery_tag)
        channel.cancel()
        assert not publisher.unblocked.is_set()
        (disk.mount_point / "ballast").unlink()
        assert publisher.unblocked.wait(PATIENCE_S)
        publisher.stopping = True
        publishing.join(PATIENCE_S)
        assert not publishing.is_alive()
    broker.kill()
    broker.start()
    with broker.channel() as channel:
        numbers = [int(body.split()[0]) for body, _ in get_all(channel, "work", auto_ack=True)]
    assert numbers[0] <= waiting // 2
    assert numbers == list(range(numbers[0], publisher.confirmed))


def test_publishers_are_held_back_within_a_second_after_the_disk_was_filled(
    disk: image.Image, broker: RestartingBroker
) -> None:
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
    publisher = Publisher(broker.url, "work")
    publishing = threading.Thread(target=publisher.publish, daemon=True)
    publishing.start()
    fill(disk.mount_point / "ballast")
    full_s = time.monotonic()
    publisher.blocked.get(timeout=PATIENCE_S)
    # A look each second, and what this machine does beside.
    assert time.monotonic() - full_s < 1.5
    (disk.mount_point / "ballast").unlink()
    assert publisher.unblocked.wait(PATIENCE_S)
    publisher.stopping = True
    publishing.join(PATIENCE_S)
