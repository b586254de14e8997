"""The data directory of a running server: the thread that writes, a full disk, a failed disk, and the end."""

import errno
import logging
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from queue import Empty, SimpleQueue

import pytest

from amqpbroker.journal.disk import DirectoryInUse
from amqpbroker.journal.recovery import Damage
from amqpbroker.journal.writer import SPARES
from amqpbroker.limits import SEAL_AFTER_S
from amqpbroker.server.config import Config
from amqpbroker.server.storage import Storage
from amqpbroker.wire.methods import Basic, Confirm, Queue
from tests.helpers.durable import publish
from tests.helpers.hand_turned import HandTurned
from tests.helpers.sessions import consume, opened, waiting
from tests.helpers.simulated_disk import SimulatedDisk
from tests.helpers.wire_client import MemoryServer, WireClient

PATIENCE_S = 5.0
TRY_AGAIN_S = 0.2


class Stand(MemoryServer):
    """What a storage needs of a server, with a hand-turned clock; what its thread has done is taken in by `written`.

    looks: what was free each time the alarms were told to look. has_failed: whether the disk has.
    """

    def __init__(self, disk: SimulatedDisk) -> None:
        super().__init__()
        self.disk = disk
        self.config = Config(data_dir="data")
        self.ticker = HandTurned()
        self.loop = self.alarms = self
        self.looks: list[int] = []
        self.has_failed = False
        self._done: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.storage: Storage | None = None
        self.storage = Storage(self)  # type: ignore[arg-type]

    def disk_type(self, path: str, *, no_sync: bool) -> SimulatedDisk:
        return self.disk

    def call_soon_threadsafe(self, callback: Callable[..., None], *arguments: object) -> None:
        self._done.put(partial(callback, *arguments))

    def look(self) -> None:
        assert self.storage is not None
        self.looks.append(self.storage.free_bytes())

    def disk_has_failed(self) -> None:
        self.has_failed = True

    def written(self) -> None:
        """Waits until the thread is done with a commit, and takes that in."""
        self._done.get(timeout=PATIENCE_S)()
        self.finish_turn()

    def rest(self) -> None:
        """Until nothing is being written, and the last is sealed."""
        assert self.storage is not None
        while True:
            while self.storage.log.in_flight is not None:
                self.written()
            if not self.ticker.deadlines:
                return
            self.ticker.advance(SEAL_AFTER_S)

    @property
    def is_idle(self) -> bool:
        """Whether the thread has nothing to tell, after so long."""
        try:
            self._done.get(timeout=0.05)
        except Empty:
            return True
        return False

    def dies(self) -> None:
        """The process is killed: nothing is written any more."""
        assert self.storage is not None
        self.storage._jobs.put(None)
        self.storage._thread.join()
        self.storage = None
        self.disk.kill()

    def stop(self) -> None:
        """In peace."""
        if self.storage is not None:
            self.storage.close()
            self.storage = None


@pytest.fixture
def disk() -> SimulatedDisk:
    return SimulatedDisk()


@pytest.fixture
def start(disk: SimulatedDisk) -> Iterator[Callable[[], Stand]]:
    stands: list[Stand] = []

    def started() -> Stand:
        stands.append(Stand(disk))
        return stands[-1]

    yield started
    disk.before = None
    for stand in stands:
        stand.stop()


def confirming(stand: Stand) -> WireClient:
    """A client in confirm mode with a durable queue; all on disk."""
    client = opened(stand)
    client.send(1, Queue.Declare(queue="tasks", durable=True), Confirm.Select())
    stand.rest()
    client.take()
    return client


def failing(disk: SimulatedDisk, number: int, *, operation: str = "write", name: str = "log/") -> None:
    """From now on such operations fail."""

    def hook(_: int, kind: str, of: str) -> None:
        if kind == operation and of.startswith(name):
            raise OSError(number, os.strerror(number))

    disk.before = hook


def ack(number: int, *, multiple: bool = False) -> Basic.Ack:
    return Basic.Ack(delivery_tag=number, multiple=multiple)


# Writing


def test_what_is_published_is_confirmed_when_the_thread_has_written_it(start: Callable[[], Stand]) -> None:
    stand = start()
    client = confirming(stand)
    publish(client, "1", "2")
    assert client.take() == []
    stand.written()
    assert client.methods() == [ack(2, multiple=True)]


def test_while_a_commit_is_under_way_the_rest_waits_for_one_more(
    start: Callable[[], Stand], disk: SimulatedDisk
) -> None:
    stand = start()
    client = confirming(stand)
    go_on = threading.Event()
    disk.before = lambda *_: None if go_on.wait(PATIENCE_S) else pytest.fail("nobody lets it go on")
    for number in range(5):
        publish(client, str(number))
    go_on.set()
    stand.written()
    assert client.methods() == [ack(1)]
    stand.written()
    assert client.methods() == [ack(5, multiple=True)]


def test_after_a_while_without_a_commit_the_last_is_sealed_once(start: Callable[[], Stand]) -> None:
    stand = start()
    client = confirming(stand)
    publish(client, "1")
    stand.written()
    assert stand.storage is not None
    before = stand.storage.log.sequence
    stand.ticker.advance(SEAL_AFTER_S / 2)
    assert stand.storage.log.in_flight is None
    stand.rest()
    assert stand.storage.log.sequence == before + 1
    assert stand.ticker.deadlines == []
    assert stand.is_idle


def test_a_broker_without_anything_to_write_asks_for_no_time(start: Callable[[], Stand]) -> None:
    stand = start()
    client = opened(stand)
    client.send(1, Queue.Declare(queue="memory"))
    publish(client, "1", name="memory")
    assert stand.ticker.deadlines == []


# A full disk


def test_without_space_nothing_is_confirmed_until_it_is_written_and_publishers_are_held_back(
    start: Callable[[], Stand], disk: SimulatedDisk, caplog: pytest.LogCaptureFixture
) -> None:
    stand = start()
    client = confirming(stand)
    failing(disk, errno.ENOSPC)
    publish(client, "1")
    for _ in range(3):
        stand.written()
        assert client.take() == []
        stand.ticker.advance(TRY_AGAIN_S)
    assert stand.looks == [-1]
    assert not stand.has_failed
    stand.written()
    disk.before = None
    stand.ticker.advance(TRY_AGAIN_S)
    stand.written()
    assert client.methods() == [ack(1)]
    assert len(stand.looks) == 2 and stand.looks[-1] > 0
    told = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert told == ["data: there is no space left; what is published waits for it"]


def test_a_disk_that_is_full_for_long_is_told_once(
    start: Callable[[], Stand], disk: SimulatedDisk, caplog: pytest.LogCaptureFixture
) -> None:
    stand = start()
    client = confirming(stand)
    failing(disk, errno.ENOSPC)
    publish(client, "1")
    stand.written()
    for _ in range(200):
        stand.ticker.advance(TRY_AGAIN_S)
        stand.written()
    assert stand.looks == [-1]
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1


def test_a_disk_without_room_for_reserves_holds_publishers_back_only_as_long_as_that_lasts(
    start: Callable[[], Stand], disk: SimulatedDisk
) -> None:
    stand = start()
    client = confirming(stand)
    assert stand.storage is not None
    for name in disk.names("log"):
        if name.endswith(".spare"):
            stand.storage._writer.spares.remove(f"log/{name}")
            disk.remove(f"log/{name}")
    stand.storage._writer.short = True
    failing(disk, errno.ENOSPC, operation="create")
    publish(client, "1")
    stand.written()
    assert client.methods() == [ack(1)]
    assert stand.storage.free_bytes() < 0
    # Publishers are held back, so nobody writes any more; still it is tried, and ends.
    for _ in range(3):
        stand.ticker.advance(2 * TRY_AGAIN_S)
        stand.written()
        assert stand.storage.free_bytes() < 0
    disk.before = None
    stand.ticker.advance(2 * TRY_AGAIN_S)
    stand.written()
    assert stand.storage.free_bytes() > 0
    assert stand.looks == [-1, stand.storage.free_bytes()]
    assert len([name for name in disk.names("log") if name.endswith(".spare")]) == SPARES


def test_acknowledgements_go_to_disk_though_pages_find_no_room(
    start: Callable[[], Stand], disk: SimulatedDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("amqpbroker.model.queues.paged.HEAD_MAX_BYTES", 1)
    stand = start()
    client = confirming(stand)
    client.send(1, Queue.Declare(queue="memory"))
    publish(client, "1")
    stand.rest()
    consume(client, "ctag")
    stand.rest()
    client.take()
    failing(disk, errno.ENOSPC, operation="create", name="paging/")
    publish(client, "2", name="memory")
    publish(client, "3", name="memory")
    client.send(1, Basic.Ack(delivery_tag=1))
    for _ in range(3):
        stand.rest()
    disk.before = None
    assert [body for body, _ in waiting(client, "memory")] == [b"2", b"3"]
    stand.dies()
    disk.power_cut()
    assert waiting(opened(start())) == []


# A disk that does not answer, and one that has failed


def test_a_slow_commit_is_told_and_one_that_does_not_come_back_holds_publishers_back(
    start: Callable[[], Stand], disk: SimulatedDisk, caplog: pytest.LogCaptureFixture
) -> None:
    stand = start()
    client = confirming(stand)
    go_on = threading.Event()
    disk.before = lambda *_: None if go_on.wait(PATIENCE_S) else pytest.fail("nobody lets it go on")
    publish(client, "1")
    stand.ticker.advance(29.0)
    assert stand.looks == []
    stand.ticker.advance(2.0)
    assert stand.looks == [-1]
    go_on.set()
    stand.written()
    assert client.methods() == [ack(1)]
    assert len(stand.looks) == 2 and stand.looks[-1] > 0
    assert "data: the disk has not answered for 30 s" in caplog.messages
    assert "data: the disk took 31.0 s for a commit" in caplog.messages


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.EBADF])
def test_after_a_disk_has_failed_nothing_is_confirmed_or_written(
    start: Callable[[], Stand], disk: SimulatedDisk, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    stand = start()
    client = confirming(stand)
    failing(disk, number)
    publish(client, "1")
    stand.written()
    assert stand.has_failed
    disk.before = None
    calls = disk.calls
    publish(client, "2")
    stand.ticker.advance(60.0)
    stand.stop()
    assert client.take() == []
    assert disk.calls == calls
    assert any("nothing is confirmed any more" in message for message in caplog.messages)


def test_a_fault_in_the_books_ends_it_like_a_failed_disk(
    start: Callable[[], Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand = start()
    client = confirming(stand)
    assert stand.storage is not None

    def faulty(_: object) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr(stand.storage.log, "committed", faulty)
    publish(client, "1")
    stand.written()
    assert stand.has_failed
    assert client.take() == []


# The end


def test_what_is_recorded_at_the_end_is_written_and_what_clients_had_is_flagged_exactly(
    start: Callable[[], Stand], disk: SimulatedDisk
) -> None:
    stand = start()
    client = confirming(stand)
    publish(client, *map(str, range(1, 31)))
    stand.rest()
    client.send(1, Basic.Qos(prefetch_count=3))
    consume(client, "ctag")
    stand.rest()
    client.send(1, Basic.Ack(delivery_tag=2))
    stand.rest()
    publish(client, "31")
    client.vanish()
    stand.stop()
    disk.power_cut()
    found = waiting(opened(start()))
    assert [body for body, _ in found] == [b"%d" % number for number in range(1, 32) if number != 2]
    assert [body for body, redelivered in found if redelivered] == [b"1", b"3", b"4"]


def test_the_end_writes_what_is_under_way_even_if_the_thread_has_just_written_it(
    start: Callable[[], Stand], disk: SimulatedDisk
) -> None:
    stand = start()
    client = confirming(stand)
    publish(client, "1")
    publish(client, "2")
    stand.stop()
    disk.power_cut()
    assert [body for body, _ in waiting(opened(start()))] == [b"1", b"2"]


def test_the_end_lets_others_in_and_leaves_no_thread(start: Callable[[], Stand], disk: SimulatedDisk) -> None:
    before = threading.active_count()
    stand = start()
    assert threading.active_count() == before + 1
    stand.stop()
    assert threading.active_count() == before
    again = start()
    assert again.storage is not None


def test_what_the_thread_tells_after_the_end_is_no_matter(start: Callable[[], Stand]) -> None:
    stand = start()
    client = confirming(stand)
    publish(client, "1")
    client.vanish()
    stand.stop()
    stand.written()
    assert client.take() == []
    assert not stand.has_failed


def test_a_disk_that_is_full_at_the_end_is_told_and_keeps_nobody(
    start: Callable[[], Stand], disk: SimulatedDisk, caplog: pytest.LogCaptureFixture
) -> None:
    stand = start()
    client = confirming(stand)
    publish(client, "1")
    stand.rest()
    client.take()
    failing(disk, errno.ENOSPC)
    publish(client, "2")
    stand.stop()
    assert client.take() == []
    assert any("the last commit is not on disk" in message for message in caplog.messages)
    disk.before = None
    assert waiting(opened(start()))[0] == (b"1", False)


# The start


def test_a_directory_in_use_is_refused(start: Callable[[], Stand], disk: SimulatedDisk) -> None:
    start()
    with pytest.raises(DirectoryInUse):
        Stand(disk)


def test_a_damaged_directory_is_refused_as_it_is_and_left_to_others(
    start: Callable[[], Stand], disk: SimulatedDisk
) -> None:
    stand = start()
    confirming(stand)
    stand.stop()
    disk.flip("MANIFEST", 60, 0)
    for _ in range(2):
        with pytest.raises(Damage, match="MANIFEST"):
            Stand(disk)
    disk.flip("MANIFEST", 60, 0)
    assert "tasks" in start().vhost.queues


def test_a_commit_that_was_torn_is_told(
    start: Callable[[], Stand], disk: SimulatedDisk, caplog: pytest.LogCaptureFixture
) -> None:
    stand = start()
    client = confirming(stand)
    publish(client, "1")
    stand.written()
    assert stand.storage is not None
    segment = stand.storage.log.current
    stand.dies()
    disk.flip(segment.name, segment.end - 512 + 40, 0)
    assert waiting(opened(start())) == []
    assert caplog.messages == [f"{segment.name}, offset {segment.end - 512}: a commit that was not finished is cut off"]


def test_the_path_is_that_of_the_settings(start: Callable[[], Stand]) -> None:
    stand = start()
    assert stand.storage is not None
    assert stand.storage.path == "data"
    assert stand.storage.free_bytes() > 0


def test_without_syncs_it_is_warned_of(disk: SimulatedDisk, caplog: pytest.LogCaptureFixture) -> None:
    class Careless(Stand):
        @property
        def config(self) -> Config:
            return Config(data_dir="data", no_sync=True)

        @config.setter
        def config(self, _: Config) -> None:
            pass

    Careless(disk).stop()
    assert "data: --no-sync: a power cut loses what was confirmed" in caplog.messages
