"""Faults that somebody could put into the journal, each by a patch: the simulation is worth what it finds of them.

Every one is a context manager; `FAULTS` names those that random runs find. What is patched is the smallest piece that
takes the fault.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from amqpbroker.journal import format, log
from amqpbroker.journal.format import Frame
from amqpbroker.journal.log import Log
from amqpbroker.journal.recovery import Recovered, Recovery
from amqpbroker.journal.segment import Segment
from amqpbroker.journal.writer import Commit
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.stored_runs import StoredRuns
from amqpbroker.session import channel as channels
from amqpbroker.session import tx
from amqpbroker.wire.methods import Tx
from tests.helpers.simulated_disk import SimulatedDisk, SimulatedFile

Plant = Callable[[], AbstractContextManager[Any]]


def skip_the_sync() -> AbstractContextManager[Any]:
    write = SimulatedFile.write

    def unsynced(file: SimulatedFile, buffers: Sequence[bytes], offset: int, *, sync: bool) -> None:
        write(file, buffers, offset, sync=sync and not file.name.startswith("log/"))

    return patch.object(SimulatedFile, "write", unsynced)


def confirm_early() -> AbstractContextManager[Any]:
    close = Log.close

    def told(self: Log, seal: bool = False) -> Commit | None:
        commit = close(self, seal)
        if commit is not None:
            self.done_number = commit.number
            for callback in commit.callbacks:
                callback()
        return commit

    return patch.object(Log, "close", told)


@contextmanager
def ignore_the_checksum() -> Iterator[None]:
    def frames(octets: bytes, at: int, salt: int, offset: int) -> Iterator[Frame]:
        while (size_bytes := frame_bytes(octets, at, salt, offset + at)) is not None and at + size_bytes <= len(octets):
            *_, sequence, epoch, record_count, _ = struct.unpack_from(">4sIIQIIQ", octets, at)
            payload = octets[at + format.FRAME_HEADER_BYTES : at + size_bytes]
            end = format.round_up(at + size_bytes)
            yield Frame(sequence, epoch, record_count, payload, offset + at, offset + end)
            at = end

    def frame_bytes(octets: bytes, at: int, salt: int, offset: int) -> int | None:
        if len(octets) - at < format.FRAME_HEADER_BYTES or not octets.startswith(format.FRAME_MAGIC, at):
            return None
        size_bytes: int = struct.unpack_from(">4sIIQIIQ", octets, at)[-1]
        return format.FRAME_HEADER_BYTES + size_bytes

    with patch.object(format, "frames", frames), patch.object(format, "frame_bytes", frame_bytes):
        yield


def sync_no_folder() -> AbstractContextManager[Any]:
    return patch.object(SimulatedDisk, "sync_folder", lambda disk, name: None)


def retry_a_failed_sync() -> AbstractContextManager[Any]:
    write = SimulatedFile.write

    def retried(file: SimulatedFile, buffers: Sequence[bytes], offset: int, *, sync: bool) -> None:
        try:
            write(file, buffers, offset, sync=sync)
        except OSError:
            write(file, buffers, offset, sync=False)
            file._open_inode().dirty.clear()
            file.sync()

    return patch.object(SimulatedFile, "write", retried)


def cut_one_block_late() -> AbstractContextManager[Any]:
    return _at_the_first_commit(lambda one: _move_end(one, format.BLOCK_BYTES))


def cut_one_block_early() -> AbstractContextManager[Any]:
    return _at_the_first_commit(lambda one: _move_end(one, -format.BLOCK_BYTES))


def _move_end(one: Log, by: int) -> None:
    if one.segments:
        segment = one.segments[-1]
        segment.end = max(segment.end + by, format.BLOCK_BYTES)


def _at_the_first_commit(do: Callable[[Log], None]) -> AbstractContextManager[Any]:
    first_commit = Log.first_commit

    def planted(self: Log, last: Frame | None) -> Commit:
        do(self)
        return first_commit(self, last)

    return patch.object(Log, "first_commit", planted)


def drop_the_seal() -> AbstractContextManager[Any]:
    close = Log.close
    return patch.object(Log, "close", lambda self, seal=False: close(self))


def delete_a_live_segment() -> AbstractContextManager[Any]:
    def free(segments: Iterable[Segment]) -> set[Segment]:
        return {one for one in segments if one.sealed and not (one.cancels or one.definitions or one.marks)}

    return patch.object(log, "free_segments", free)


def recycle_acks_while_their_target_lives() -> AbstractContextManager[Any]:
    def free(segments: Iterable[Segment]) -> set[Segment]:
        return {one for one in segments if one.sealed and not one.holds_something}

    return patch.object(log, "free_segments", free)


def keep_the_epoch() -> AbstractContextManager[Any]:
    def back(one: Log) -> None:
        one.epoch -= one.epoch > 0

    return _at_the_first_commit(back)


def drop_what_one_queue_has_settled() -> AbstractContextManager[Any]:
    drop = Log._drop_what_is_settled

    def dropped(self: Log, opened: Any) -> None:
        kept = []
        for targets, run in opened.publishes:
            settled = [(queue, at) for queue, at in targets if queue.live.count_within(at, at + len(run)) < len(run)]
            if not settled:
                kept.append((targets, run))
            for queue, at in settled:
                if queue in opened.acks:
                    opened.acks[queue].remove(at, at + len(run))
        opened.publishes = kept
        drop(self, opened)

    return patch.object(Log, "_drop_what_is_settled", dropped)


def renumber_positions_at_recovery() -> AbstractContextManager[Any]:
    restore = PagedQueue.restore

    def renumbered(queue: PagedQueue, runs: StoredRuns, tail: int, *, timed: bool) -> None:
        restore(queue, runs, max((end for _, end in runs.positions()), default=1), timed=timed)

    return patch.object(PagedQueue, "restore", renumbered)


def trust_the_page_caches_tail() -> AbstractContextManager[Any]:
    read = Recovery.read

    def trusted(recovery: Recovery, *arguments: Any) -> Recovered:
        recovered = read(recovery, *arguments)
        if recovered.last is not None:
            recovery.apply(recovery._log.segments[-1], recovered.last)
            recovered.last = None
        return recovered

    return patch.object(Recovery, "read", trusted)


@contextmanager
def cut_the_list_in_mid_move() -> Iterator[None]:
    def commit(channel: channels.Channel, method: Tx.Commit) -> None:
        assert channel.transaction is not None
        done, channel.transaction = channel.transaction, None
        for group, messages in done.published:
            channel.route_run(group, messages)
        turn_ended = channel.connection._batch.turn_ended
        if turn_ended is not None:
            turn_ended()
        channel.transaction = done
        done.published.clear()
        tx.commit(channel, method)

    with patch.dict(channels.HANDLERS, {(90, 20): commit}):
        yield


def purge_by_watermark() -> AbstractContextManager[Any]:
    purge = PagedQueue.purge

    def all_below(queue: PagedQueue) -> int:
        count = purge(queue)
        if queue.log is not None:
            queue.log.settle_run(0, queue.tail)
        return count

    return patch.object(PagedQueue, "purge", all_below)


FAULTS: dict[str, Plant] = {
    "skip the sync": skip_the_sync,
    "confirm early": confirm_early,
    "ignore the checksum": ignore_the_checksum,
    "no directory sync": sync_no_folder,
    "retry a failed sync": retry_a_failed_sync,
    "cut one block late": cut_one_block_late,
    "cut one block early": cut_one_block_early,
    "delete a live segment": delete_a_live_segment,
    "wrong epoch": keep_the_epoch,
    "ack before write": drop_what_one_queue_has_settled,
    "recycle an ack-only segment while its target lives": recycle_acks_while_their_target_lives,
    "renumber positions at recovery": renumber_positions_at_recovery,
    "trust the page-cache tail": trust_the_page_caches_tail,
    "cut the list in mid-move": cut_the_list_in_mid_move,
    "purge by watermark": purge_by_watermark,
}
