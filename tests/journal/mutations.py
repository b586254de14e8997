"""Damage of every kind to a small journal, and what opening it may make of that.

Allowed is the exact state; or, told, the state after an earlier commit; or a refusal that has changed nothing. And what
was refused can be salvaged: a broker starts on it then, with nothing in it that was not published.

    python -m tests.journal.mutations --count 100000 [--seed N]
"""

import argparse
import collections
import sys
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from amqpbroker.journal import format, manifest
from amqpbroker.journal.disk import Disk
from amqpbroker.journal.format import BLOCK_BYTES, Key
from amqpbroker.journal.inspection import Examination
from amqpbroker.journal.opening import open_journal
from amqpbroker.journal.recovery import Damage, FrameReader
from amqpbroker.journal.salvage import Refused, salvage
from amqpbroker.journal.segment import FOLDER, segment_name
from amqpbroker.model.access import Users
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.broker import Broker
from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.restoring import restore
from amqpbroker.profiles import DEFAULT_PROFILE
from amqpbroker.wire.runs import UniformRun
from tests.helpers.durable import DurableServer, numbered
from tests.helpers.simulated_disk import SimulatedDisk

SEGMENT_BYTES = 8_192
FLOOR_BYTES = 32_768

Files = dict[str, bytes]
"""Name → octets, of all files of a data directory that somebody reads: not of the lock and of what only takes room."""

Waiting = dict[str, list[tuple[int, bytes, bool]]]
"""Queue → (position, body, redelivered) of what waits in it."""

State = tuple[dict[Key, object], Waiting]


def files_of(disk: Disk) -> Files:
    """All that is there."""
    files: Files = {}
    for folder in ("", FOLDER, "paging"):
        for name in disk.names(folder):
            path = f"{folder}/{name}" if folder else name
            if path in ("LOCK", "MANIFEST.room", FOLDER, "paging", "quarantine"):
                continue
            file = disk.open(path)
            files[path] = file.read(0, disk.size_bytes(path))
            file.close()
    return files


def disk_of(files: Files) -> SimulatedDisk:
    """A disk with these files, all of it synced."""
    disk = SimulatedDisk()
    for folder in (FOLDER, "paging"):
        disk.make_folder(folder)
    for name, octets in files.items():
        file = disk.create(name, len(octets))
        file.write([octets], 0, sync=False)
        file.sync()
        file.close()
    for folder in ("", FOLDER, "paging"):
        disk.sync_folder(folder)
    return disk


def reopen(disk: Disk) -> tuple[State, tuple[str, int] | None]:
    """(what a broker comes back with, where it says that something was cut off). Raises Damage and Silent."""
    told: list[str] = []
    opened = open_journal(disk, Random(0).randbytes, told.append, SEGMENT_BYTES, FLOOR_BYTES)
    broker = Broker(DEFAULT_PROFILE, Users([]), Random(0).randbytes, HandClock())
    broker.add_vhost("/")
    restore(broker, opened.log, opened.log.contents, opened.revive)
    waiting = {}
    for name, queue in broker.vhosts["/"].queues.items():
        assert isinstance(queue, PagedQueue)
        waiting[name] = [(position, body, redelivered) for position, (_, _, body, _), redelivered in queue.messages()]
    if told:
        raise Silent(f"a message cannot be read: {told}")
    return (dict(opened.log.contents), waiting), opened.recovered.cut


class Silent(Exception):
    """Something else than is allowed came of a mutation."""


@dataclass
class Journal:
    """files: of a broker that was killed. state: what the next one comes back with; earlier: what it would have, had
    the broker been killed after an earlier commit of the last segment. published: all bodies, by queue and position.
    """

    files: Files
    state: State
    earlier: list[State]
    published: dict[str, dict[int, bytes]]


class Builder:
    """A broker that lives through whatever makes a record, over some restarts, in segments of 8 KiB."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.server = DurableServer(random=random, segment_bytes=SEGMENT_BYTES, space_floor_bytes=FLOOR_BYTES)
        self.published: dict[str, dict[int, bytes]] = collections.defaultdict(dict)
        self.unacked: dict[str, list[int]] = collections.defaultdict(list)
        self.states: list[tuple[int, State]] = []

    def publish(self, *names: str, count: int, size: int = 20, uniform: bool = True) -> None:
        messages = numbered(count, self.random.randrange(1_000), size_bytes=size)
        for name in names:
            tail = self.server.queue(name).tail
            self.published[name] |= {tail + place: body for place, (_, _, body, _) in enumerate(messages)}
        address, header, _, flags = messages[0]
        run = UniformRun(address, header, [body for _, _, body, _ in messages], flags)
        self.server.put(run if uniform else messages, *names)
        self.commit()

    def forge(self) -> None:
        """A client publishes what would be a frame, if it stood in a segment on its own."""
        header = format.encode_frame(0, BLOCK_BYTES, 1_000_000, 2, 1, format.encode_seal())
        address, properties, _, flags = numbered(1)[0]
        body = b"".join(header) * 4
        self.published["tasks"][self.server.queue().tail] = body
        self.server.put([(address, properties, body, flags)])
        self.commit()

    def take(self, name: str, count: int) -> None:
        queue = self.server.queue(name)
        for _ in range(count):
            found = queue.take()
            assert found is not None
            queue.may_hand_out(found[0], found[1])
            self.unacked[name].append(found[0])
        self.commit()

    def acknowledge(self, name: str, count: int) -> None:
        self.random.shuffle(self.unacked[name])
        log = self.server.queue(name).log
        assert log is not None
        log.settle(self.unacked[name][:count])
        del self.unacked[name][:count]
        self.commit()

    def commit(self) -> None:
        self.server.commit()
        self.note()

    def note(self) -> None:
        state, _ = reopen(disk_of(files_of(self.server.disk)))
        self.states.append((self.server.log.current.id, state))

    def restart(self) -> None:
        self.server = self.server.after_a_kill()
        self.unacked.clear()
        self.note()

    def seal(self) -> None:
        """As after a moment without a commit."""
        commit = self.server.log.close(seal=True)
        assert commit is not None
        self.server.writer.commit_once(commit)
        self.server.log.committed(commit)
        self.note()

    def journal(self) -> Journal:
        last = self.server.log.current
        earlier = [state for number, state in self.states if number == last.id]
        return Journal(files_of(self.server.disk), self.states[-1][1], earlier, self.published)


def build(random: Random, *, sealed: bool = True) -> Journal:
    """A small journal with records of all kinds in several segments."""
    one = Builder(random)
    vhost = one.server.vhost
    vhost.add_exchange(EXCHANGE_TYPES["topic"]("logs", True, False, False, {}))
    for name in ("tasks", "other", "gone"):
        one.server.queue(name)
    vhost.bind(Binding("logs", Destination("queue", "tasks"), "a.#", {}))
    one.commit()
    one.publish("tasks", count=random.randint(1, 30))
    one.publish("tasks", "other", count=random.randint(3, 9), uniform=False)
    one.publish("gone", count=5, size=300)
    one.take("tasks", 3)
    one.acknowledge("tasks", 2)
    one.restart()
    one.server.vhost.delete_queue(one.server.queue("gone"))
    one.commit()
    for _ in range(random.randint(2, 6)):
        one.publish("tasks", count=random.randint(1, 20), size=random.randint(1, 200), uniform=random.random() < 0.5)
        one.take("tasks", 1)
    one.forge()
    one.publish("other", count=3, size=1_500)
    one.take("other", 2)
    one.acknowledge("other", 1)
    one.restart()
    one.publish("tasks", "other", count=4)
    one.publish("other", count=random.randint(1, 4), size=700, uniform=False)
    one.acknowledge("other", 0)
    one.publish("tasks", count=6)
    if sealed:
        one.seal()
    return one.journal()


# Damage


def cut(files: Files, random: Random) -> str:
    name = random.choice([name for name in files if files[name]])
    size = len(files[name])
    at = random.choice((random.randrange(size), random.randrange(size // BLOCK_BYTES + 1) * BLOCK_BYTES))
    files[name] = files[name][:at]
    return f"{name} cut at {at}"


def flip(files: Files, random: Random) -> str:
    name, at = _somewhere(files, random)
    octets = bytearray(files[name])
    bit = random.randrange(8)
    octets[at] ^= 1 << bit
    files[name] = bytes(octets)
    return f"bit {bit} of {name} at {at} flipped"


def zero(files: Files, random: Random) -> str:
    name, at = _somewhere(files, random)
    at -= at % BLOCK_BYTES
    end = min(at + random.randint(1, 4) * BLOCK_BYTES, len(files[name]))
    files[name] = files[name][:at] + bytes(end - at) + files[name][end:]
    return f"{name} zeros from {at} to {end}"


def swap(files: Files, random: Random) -> str:
    """Two sectors, of one file or two, change places."""
    name, at = _somewhere(files, random, segment=True)
    other, to = _somewhere(files, random, segment=True)
    at, to = at - at % BLOCK_BYTES, to - to % BLOCK_BYTES
    one, two = files[name][at : at + BLOCK_BYTES], files[other][to : to + BLOCK_BYTES]
    files[name] = files[name][:at] + two + files[name][at + BLOCK_BYTES :]
    files[other] = files[other][:to] + one + files[other][to + BLOCK_BYTES :]
    return f"{name} at {at} swapped with {other} at {to}"


def duplicate(files: Files, random: Random) -> str:
    """A commit stands in another place, too."""
    name, frame, _ = random.choice(_frames(files))
    other, before, end = random.choice(_frames(files))
    at = random.choice((before.offset, end))
    octets = files[name][frame.offset : frame.end]
    files[other] = files[other][:at] + octets + files[other][at + len(octets) :]
    return f"commit {frame.sequence} of {name} also at {at} in {other}"


def stale(files: Files, random: Random) -> str:
    """Behind the end stands what an earlier use of the file has left, with sequences as they would go on."""
    name, last, end = last_commit(files)
    old = format.encode_frame(4_711, end, last.sequence + 1, last.epoch, 1, format.encode_seal())
    octets = b"".join(old)
    files[name] = files[name][:end] + octets + files[name][end + len(octets) :]
    return f"a stale commit in {name} at {end}"


def forged(files: Files, random: Random) -> str:
    """A body that looks like a commit stands where a commit could."""
    name, last, end = last_commit(files)
    octets = b"".join(format.encode_frame(0, end, last.sequence + 1, last.epoch, 1, format.encode_ack(1, [(1, 99)])))
    at = random.choice((end, end + BLOCK_BYTES))
    files[name] = files[name][:at] + octets + files[name][at + len(octets) :]
    return f"a forged commit in {name} at {at}"


def lose(files: Files, random: Random) -> str:
    name = random.choice([name for name in files if not name.endswith(".spare")])
    del files[name]
    return f"{name} is missing"


def mix_up(files: Files, random: Random) -> str:
    """A segment has another's name."""
    one, two = random.sample([name for name in files if name.endswith(".seg")], 2)
    files[one], files[two] = files[two], random.choice((files[one], files[two]))
    return f"{one} is {two}"


DAMAGES: tuple[Callable[[Files, Random], str], ...] = (
    cut,
    flip,
    flip,
    flip,
    zero,
    zero,
    swap,
    duplicate,
    stale,
    forged,
    lose,
    mix_up,
)


def _somewhere(files: Files, random: Random, *, segment: bool = False) -> tuple[str, int]:
    """A place in a file, mostly where something was written."""
    names = [name for name in files if files[name] and (name.endswith(".seg") if segment else ".spare" not in name)]
    name = random.choice(names)
    end = len(files[name].rstrip(b"\0")) + BLOCK_BYTES if random.random() < 0.9 else len(files[name])
    return name, random.randrange(max(min(end, len(files[name])), 1))


def _frames(files: Files) -> list[tuple[str, format.Frame, int]]:
    """(file, commit, where the commits of the file end) of all commits."""
    found = []
    for entry in manifest.decode(files[manifest.NAME]).segments:
        name = segment_name(entry.id)
        file = disk_of(files).open(name)
        frames = list(FrameReader(file, entry, len(files[name])).frames())
        found += [(name, frame, frames[-1].end) for frame in frames]
    return found


def last_commit(files: Files) -> tuple[str, format.Frame, int]:
    return _frames(files)[-1]


# What may come of it


def outcome(journal: Journal, files: Files) -> str:
    """Opens a damaged journal: 'exact', 'told', 'refused' or 'gone'. Raises Silent.

    gone: of the last commits, the seal behind them too, not even a header is left. That cannot be told from commits
    that never were; it takes damage to two places at once.
    """
    disk = disk_of(files)
    try:
        state, cut_at = reopen(disk)
    except Damage:
        left = files_of(disk)
        if left != files:
            raise Silent("it was refused, and something was changed") from None
        return "refused"
    if state == journal.state:
        return "exact"
    if cut_at is not None and state in journal.earlier:
        return "told"
    if state in journal.earlier and len(_headers_gone(journal, files)) > 1:
        return "gone"
    raise Silent(f"it opens with something else; cut: {cut_at}")


def _headers_gone(journal: Journal, files: Files) -> list[int]:
    """The last commits in a row whose headers are not where they were."""
    gone: list[int] = []
    for name, frame, _ in reversed(_frames(journal.files)):
        header = slice(frame.offset, frame.offset + format.FRAME_HEADER_BYTES)
        if files[name][header] == journal.files[name][header]:
            break
        gone.append(frame.sequence)
    return gone


def check_salvage(journal: Journal, files: Files) -> None:
    """Salvages a damaged journal: a broker starts, with nothing in it that was not published. Raises Silent."""
    disk = disk_of(files)
    try:
        salvage(disk, Random(0).randbytes, _home, lambda _done, _all: None)
    except Refused:
        if files_of(disk) != files:
            raise Silent("salvage was refused, and has changed something") from None
        return
    faults = Examination(disk).faults
    if faults:
        raise Silent(f"after salvage: {faults[0]}")
    (_, queues), _ = reopen(disk)
    known = {body for bodies in journal.published.values() for body in bodies.values()}
    for name, waiting in queues.items():
        published = journal.published.get(name)
        for position, body, _ in waiting:
            if body != published.get(position) if published is not None else body not in known:
                raise Silent(f"after salvage there is {body!r} at {position} of {name}")


def _home(number: int) -> tuple[Key, dict[str, object]]:
    return Key("queue", "/", f"salvaged-{number:x}"), {"id": number, "auto_delete": False, "arguments": {}}


def mutate(journal: Journal, random: Random) -> tuple[Files, str]:
    """(the damaged files, what was done)."""
    files = dict(journal.files)
    damage = random.choice(DAMAGES)(files, random)
    return files, damage


def run(count: int, seed: int, journal_every: int = 500) -> collections.Counter[str]:
    """So many mutations, of many journals. Raises Silent, with what was done to which."""
    counts: collections.Counter[str] = collections.Counter()
    for number in range(count):
        if number % journal_every == 0:
            journal = build(Random(f"{seed} {number // journal_every}"))
        random = Random(f"{seed} {number}")
        files, damage = mutate(journal, random)
        try:
            came = outcome(journal, files)
            counts[came] += 1
            if came == "refused" and random.random() < 0.2:
                check_salvage(journal, files)
                counts["salvaged"] += 1
        except Exception as fault:
            raise Silent(f"seed {seed}, number {number}: {damage}: {fault!r}") from fault
        if number % 10_000 == 9_999:
            sys.stderr.write(f"{number + 1} {dict(counts)}\n")
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sys.stdout.write(f"{dict(run(options.count, options.seed))}\n")


if __name__ == "__main__":
    main()
