"""Opening a data directory: recovery, then the first commit of this start.

Until that commit nothing on disk is changed, so a directory that is refused is as it was.
"""

from collections.abc import Callable

from amqpbroker.journal import manifest, paging
from amqpbroker.journal.disk import Disk
from amqpbroker.journal.format import BLOCK_BYTES, Content
from amqpbroker.journal.log import Log
from amqpbroker.journal.manifest import Manifest, ManifestError, NewerManifest
from amqpbroker.journal.paging import Pages
from amqpbroker.journal.queue_log import QueueLog
from amqpbroker.journal.recovery import Damage, Recovered, Recovery
from amqpbroker.journal.segment import FOLDER, segment_name
from amqpbroker.journal.writer import ROOM, ROOM_BYTES, SPARES, Writer
from amqpbroker.limits import SEGMENT_BYTES, SPACE_FLOOR_BYTES
from amqpbroker.model.ports import RecordedQueue


class Opened:
    """An open journal. recovered: what was found in it."""

    def __init__(self, log: Log, writer: Writer, recovery: Recovery, recovered: Recovered) -> None:
        self.log = log
        self.writer = writer
        self.recovered = recovered
        self._recovery = recovery

    def revive(self, queue: RecordedQueue, number: int) -> None:
        """Gives a durable queue its log and the messages that wait on disk."""
        log = self.log.queues.get(number)
        if log is None:
            log = self.log.queues[number] = QueueLog(self.log, number)
        else:
            recovered = self.recovered
            queue.restore(self._recovery.stored_runs(log), recovered.tails[number], timed=number in recovered.timed)
        log.queue = queue
        queue.log = log


def open_journal(
    disk: Disk,
    random_bytes: Callable[[int], bytes],
    on_damage: Callable[[str], None],
    segment_bytes: int = SEGMENT_BYTES,
    space_floor_bytes: int = SPACE_FLOOR_BYTES,
    unknown: Callable[[str, Content], str] = lambda kind, content: "",
) -> Opened:
    """What a locked data directory holds, ready to go on. Raises Damage and OSError.

    unknown: says, of a definition's kind and content, what the broker does not know of it; nothing if it knows it.
    """
    listed = read_manifest(disk)
    log = Log(listed, random_bytes, Pages(disk, on_damage), segment_bytes, space_floor_bytes)
    recovery = Recovery(log)
    recovered = recovery.read(disk, listed)
    last = recovered.last
    if last is not None:
        # It is written again, so here the segment ends before it.
        log.segments[-1].end = last.offset
    commit = log.first_commit(last)
    if last is not None:
        try:
            recovery.apply(commit.segment, last._replace(offset=BLOCK_BYTES))
        except Damage as damage:
            # It stands where it was read yet.
            name, offset = segment_name(listed.segments[-1].id), damage.offset - BLOCK_BYTES + last.offset
            raise Damage(name, offset, damage.text, newer=damage.newer) from None
    recovery.check_queues()
    for key, content in log.contents.items():
        if text := unknown(key.kind, content):
            raise Damage(
                log.definitions[key].name, 0, f"{text}: this journal was written by a newer version", newer=True
            )
    log.finish_first(commit)
    # What was read may stand in the page cache alone: nothing it does not name goes before it is on disk.
    disk.sync_folder("")
    spares = _clean_up(disk, {entry.id for entry in listed.segments}, segment_bytes)
    if not disk.exists(manifest.NAME):
        # Before the first segment: segments without a manifest are damage.
        manifest.replace(disk, listed.encode())
    writer = Writer(disk, segment_bytes, spares)
    writer.commit_once(commit)
    log.committed(commit)
    return Opened(log, writer, recovery, recovered)


def read_manifest(disk: Disk) -> Manifest:
    """The manifest, or an empty one for a directory that holds no journal yet. Raises Damage and OSError."""
    if not disk.exists(manifest.NAME):
        if any(name.endswith(".seg") for name in disk.names(FOLDER)):
            raise Damage(manifest.NAME, 0, "it is missing, and there are segments")
        return Manifest()
    try:
        return manifest.read(disk)
    except ManifestError as fault:
        raise Damage(manifest.NAME, 0, str(fault), newer=isinstance(fault, NewerManifest)) from None


def _clean_up(disk: Disk, listed: set[int], segment_bytes: int) -> list[str]:
    """Removes what an earlier start has left and nobody needs; returns the files of segments to be."""
    for folder in (FOLDER, paging.FOLDER):
        disk.make_folder(folder)
    for name in disk.names(paging.FOLDER):
        disk.remove(f"{paging.FOLDER}/{name}")
    if disk.exists(ROOM) and disk.size_bytes(ROOM) != ROOM_BYTES:
        # A power cut has left the name without the room.
        disk.remove(ROOM)
    spares: list[str] = []
    keep = {segment_name(number) for number in listed}
    for name in (f"{FOLDER}/{one}" for one in disk.names(FOLDER)):
        if name.endswith(".spare") and disk.size_bytes(name) == segment_bytes and len(spares) < SPARES:
            spares.append(name)
        elif name not in keep:
            disk.remove(name)
    return spares
