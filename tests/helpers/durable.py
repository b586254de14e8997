"""A broker whose journal is on a simulated disk: a commit is written when the test says so, and not before.

server = DurableServer()
client = opened(server)
client.send(1, Queue.Declare(queue="tasks", durable=True))
assert client.take() == []                  the commit is under way
server.commit()
assert client.methods() == [Queue.DeclareOk(queue="tasks")]
server = server.after_a_kill()              another process, the same disk
"""

from collections.abc import Iterable, Sequence
from random import Random

from amqpbroker.journal import format
from amqpbroker.journal.opening import open_journal
from amqpbroker.journal.writer import Commit
from amqpbroker.limits import SPACE_FLOOR_BYTES
from amqpbroker.model.definitions import Content
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.message import PERSISTENT, Message
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.restoring import restore
from amqpbroker.profiles import DEFAULT_PROFILE, Profile
from amqpbroker.wire.methods import Basic, Queue
from tests.helpers.sessions import opened
from tests.helpers.simulated_disk import SimulatedDisk
from tests.helpers.wire_client import MemoryServer, WireClient, publish_octets

SEGMENT_BYTES = 65_536


class DurableServer(MemoryServer):
    """damage: what the journal has told of it. left: what found no place when the definitions were read."""

    def __init__(
        self,
        disk: SimulatedDisk | None = None,
        *,
        profile: Profile = DEFAULT_PROFILE,
        random: Random | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        space_floor_bytes: int = SPACE_FLOOR_BYTES,
        clock: HandClock | None = None,
    ) -> None:
        super().__init__(profile, clock=clock)
        self.disk = disk or SimulatedDisk()
        self.damage: list[str] = []
        self._random = random or Random(0)
        self._sizes = {"segment_bytes": segment_bytes, "space_floor_bytes": space_floor_bytes}
        self.disk.lock()
        opened = open_journal(self.disk, self._random.randbytes, self.damage.append, **self._sizes)
        self.log = opened.log
        self.writer = opened.writer
        self.left = restore(self.broker, opened.log, opened.log.contents, opened.revive)
        self.batch.turn_ended = self._turn_ended

    def _turn_ended(self) -> None:
        self.log.close()

    # Commits

    @property
    def in_flight(self) -> Commit | None:
        """The commit that is being written."""
        return self.log.in_flight

    def commit_one(self) -> None:
        """The commit under way is written; what was recorded meanwhile is under way then."""
        commit = self.log.in_flight
        assert commit is not None
        self.writer.commit_once(commit)
        self.log.run_short(self.writer.short)
        self.log.committed(commit)
        self.finish_turn()

    def commit(self) -> None:
        """All that is recorded is written."""
        self.finish_turn()
        while self.log.in_flight is not None:
            self.commit_one()

    # The end

    def after_a_kill(self, down_s: float = 0) -> "DurableServer":
        """The next process on the disk as this one leaves it. down_s: so long there is none."""
        self.disk.kill()
        return self._next(down_s)

    def after_a_power_cut(self, down_s: float = 0) -> "DurableServer":
        """The next process after the power was cut."""
        self.disk.power_cut()
        return self._next(down_s)

    def after_a_stop(self, down_s: float = 0) -> "DurableServer":
        """The next process after this one has stopped in peace; its clients have gone."""
        self.commit()
        self.log.mark_clean()
        commit = self.log.close()
        if commit is not None:
            self.writer.commit_once(commit)
        self.writer.close()
        self.log.pages.close()
        self.disk.kill()
        return self._next(down_s)

    def _next(self, down_s: float) -> "DurableServer":
        clock = HandClock(self.clock.seconds + down_s)
        return DurableServer(self.disk, profile=self.broker.profile, random=self._random, clock=clock, **self._sizes)

    # Short words

    def queue(self, name: str = "tasks", *, durable: bool = True) -> PagedQueue:
        """A queue of the virtual host, declared if it is not there; nothing is written."""
        found = self.vhost.queues.get(name)
        if found is None:
            found = self.vhost.new_queue(name, durable=durable, auto_delete=False, owner=None, arguments={})
        assert isinstance(found, PagedQueue)
        return found

    def put(self, messages: Sequence[Message], *names: str) -> None:
        """Publishes a run to queues, 'tasks' if none is named, as a channel does; nothing is written."""
        queues = [self.queue(name) for name in names or ("tasks",)]
        if messages[0][3] & PERSISTENT:
            self.log.publish([queue for queue in queues if queue.log is not None], messages)
        for queue in queues:
            queue.extend(messages)


def persistent(text: str | bytes) -> Message:
    """A message that is written."""
    return b"\x00\x05tasks", b"header", text.encode() if isinstance(text, str) else text, PERSISTENT


def numbered(count: int, first: int = 1, *, size_bytes: int = 0) -> list[Message]:
    """Messages that are written; their bodies are numbers, filled up to a size with spaces."""
    return [persistent(str(number).ljust(size_bytes)) for number in range(first, first + count)]


def transient(messages: Iterable[Message]) -> list[Message]:
    """The same messages, not to be written."""
    return [(address, header, body, 0) for address, header, body, _ in messages]


def there(queue: PagedQueue) -> list[str]:
    """The bodies of what waits, in order, without what fills them up."""
    return [body.decode().rstrip() for _, (_, _, body, _), _ in queue.messages()]


def flagged(queue: PagedQueue) -> list[str]:
    """Of these those that count as redelivered."""
    return [body.decode().rstrip() for _, (_, _, body, _), redelivered in queue.messages() if redelivered]


def drained(queue: PagedQueue) -> list[str]:
    """The bodies of all that waits, taken one by one as basic.get does, and acknowledged."""
    bodies = []
    while (found := queue.take()) is not None:
        position, (_, _, body, _), _ = found
        bodies.append(body.decode().rstrip())
        if queue.log is not None:
            queue.log.settle((position,))
    return bodies


Record = tuple[int, bytes]


def records(commit: Commit) -> list[Record]:
    """(kind, content) of what a commit writes to the log."""
    payload = b"".join(commit.pieces)
    return [(kind, payload[start:end]) for kind, start, end in format.records(payload)]


def publishes(commit: Commit) -> list[format.Publish]:
    """The heads of its PUBLISH records."""
    payload = b"".join(commit.pieces)
    return [
        format.decode_publish(payload, start, end)
        for kind, start, end in format.records(payload)
        if kind in format.PUBLISHES
    ]


def acks(commit: Commit) -> dict[int, list[tuple[int, int]]]:
    """Queue id → runs of its ACK records."""
    return dict(format.decode_ack(content) for kind, content in records(commit) if kind == format.ACK)


def definitions(commit: Commit) -> dict[tuple[str, str, str], Content | None]:
    """Of its DEFINE records, by (kind, virtual host, name)."""
    return {
        tuple(key): content
        for key, content in (format.decode_definition(part) for kind, part in records(commit) if kind == format.DEFINE)
    }


def marks(commit: Commit) -> dict[int, tuple[int, list[tuple[int, int]]]]:
    """Queue id → (mark, flagged runs) of its MARK records."""
    found = [format.decode_mark(content) for kind, content in records(commit) if kind == format.MARK]
    return {queue: (mark, runs) for queue, mark, runs in found}


def durable_client(count: int = 0, *, server: DurableServer | None = None) -> WireClient:
    """A client with a channel, and a durable queue 'tasks' with so many persistent messages: 1, 2, 3; all on disk."""
    client = opened(server or DurableServer())
    client.send(1, Queue.Declare(queue="tasks", durable=True))
    publish(client, *map(str, range(1, count + 1)))
    server_of(client).commit()
    client.take()
    return client


def server_of(client: WireClient) -> DurableServer:
    """The broker of such a client."""
    assert isinstance(client.server, DurableServer)
    return client.server


def publish(client: WireClient, *bodies: str, name: str = "tasks", exchange: str = "", channel: int = 1) -> None:
    """Publishes persistent messages, all in one read."""
    method = Basic.Publish(exchange=exchange, routing_key=name)
    octets = [publish_octets(channel, method, body.encode(), delivery_mode=2) for body in bodies]
    client.feed(b"".join(octets))
