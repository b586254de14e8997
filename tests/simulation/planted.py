"""Faults that somebody could put into the journal, each by a patch: the simulation is worth what it finds of them.

Every one is a context manager; `FAULTS` names those that random runs with a journal find, `FAULTS_OF_RULES` those that
random runs in memory find. What is patched is the smallest piece that takes the fault.
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
from amqpbroker.model.dead_letter import DeadLetters
from amqpbroker.model.definitions import queue_content
from amqpbroker.model.message import OWN_FLAGS, Message
from amqpbroker.model.queue import Queue, size_of
from amqpbroker.model.queues import quorum
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.queues.priority import PriorityQueue
from amqpbroker.model.queues.quorum import QuorumRules
from amqpbroker.model.queues.rules import Rules
from amqpbroker.model.single_active import SingleActive
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


# What queues do beyond keeping messages


def record_no_deadline() -> AbstractContextManager[Any]:
    return patch.object(PagedQueue, "moment_ms", lambda queue, messages: 0)


def settle_what_died_a_commit_later() -> AbstractContextManager[Any]:
    settled = PagedQueue._settled
    late: list[tuple[PagedQueue, list[int]]] = []

    def later(queue: PagedQueue, positions: Sequence[int]) -> None:
        while late:
            settled(*late.pop())
        late.append((queue, list(positions)))

    return patch.object(PagedQueue, "_settled", later)


def publish_dead_letters_a_turn_later() -> AbstractContextManager[Any]:
    add = DeadLetters.add
    late: list[tuple[Any, ...]] = []

    def later(*arguments: Any) -> None:
        while late:
            add(*late.pop())
        late.append(arguments)

    return patch.object(DeadLetters, "add", later)


def mix_up_priorities_at_a_restart() -> AbstractContextManager[Any]:
    def mixed_up(queue: Queue) -> Any:
        content = queue_content(queue)
        if "parts" in content:
            parts = content["parts"]
            content["parts"] = dict(zip(parts, reversed(parts.values()), strict=True))
        return content

    return patch("amqpbroker.model.vhost.queue_content", mixed_up)


def record_nothing_that_comes_back() -> AbstractContextManager[Any]:
    return patch.object(QuorumRules, "record", lambda rules, part, message: None)


def forget_how_often_it_came_back() -> AbstractContextManager[Any]:
    return patch.object(quorum, "with_counts", lambda message, counts, series: message)


def lose_the_deadline_over_a_requeue() -> AbstractContextManager[Any]:
    take_back = Queue.take_back

    def timeless(queue: Queue, entry: tuple[int, Message]) -> None:
        position, (address, header, body, flags) = entry
        take_back(queue, (position, (address, header, body, flags & OWN_FLAGS)))

    return patch.object(Queue, "take_back", timeless)


def drop_the_tail() -> AbstractContextManager[Any]:
    drop = Queue.drop

    def dropped(queue: Queue, most: int, due_by_ms: int | None = None) -> list[Message]:
        if due_by_ms is None and most == 1 and queue.ready:
            message = queue.ready.pop()
            queue.held_bytes -= size_of((message,))
            return [message]
        return drop(queue, most, due_by_ms)

    return patch.object(Queue, "drop", dropped)


def expire_a_millisecond_early() -> AbstractContextManager[Any]:
    deadline_ms = Rules.deadline_ms

    def early(rules: Rules, messages: Sequence[Message]) -> int:
        found = deadline_ms(rules, messages)
        return found and found - 1

    return patch.object(Rules, "deadline_ms", early)


def dead_letter_in_the_wrong_order() -> AbstractContextManager[Any]:
    add = DeadLetters.add
    return patch.object(
        DeadLetters, "add", lambda self, queue, reason, messages: add(self, queue, reason, list(reversed(messages)))
    )


def keep_the_end_of_a_used_queue() -> AbstractContextManager[Any]:
    return patch.object(Rules, "used", lambda rules: None)


def let_everybody_be_active() -> AbstractContextManager[Any]:
    return patch.object(SingleActive, "look", lambda single_active, consumers: None)


def take_the_lower_priority_first() -> AbstractContextManager[Any]:
    def lowest(queue: PriorityQueue) -> Any:
        return next((part for part in reversed(queue.parts.values()) if part.first() is not None), None)

    return patch.object(PriorityQueue, "_head_part", lowest)


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
    "deadline not recorded": record_no_deadline,
    "what died is settled a commit later": settle_what_died_a_commit_later,
    "dead letters a turn later": publish_dead_letters_a_turn_later,
    "priorities mixed up at a restart": mix_up_priorities_at_a_restart,
    "nothing that comes back is recorded": record_nothing_that_comes_back,
    "delivery counts forgotten": forget_how_often_it_came_back,
}

FAULTS_OF_RULES: dict[str, Plant] = {
    "deadline lost over a requeue": lose_the_deadline_over_a_requeue,
    "the tail is dropped": drop_the_tail,
    "a millisecond early": expire_a_millisecond_early,
    "dead letters in the wrong order": dead_letter_in_the_wrong_order,
    "the end of a queue that is used": keep_the_end_of_a_used_queue,
    "two active consumers": let_everybody_be_active,
    "the lower priority first": take_the_lower_priority_first,
}
