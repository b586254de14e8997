"""Rules without which a run of events loses a message or brings one back: each in the words of a client.

`RULES` has a way to do without each of them, and the same run then fails. Streams have a rule of their own (they are
moved to segments of theirs when cold, and retention takes whole ones away): there are no streams yet.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from random import Random
from typing import Any
from unittest.mock import patch

import pytest

from amqpbroker.journal import format
from amqpbroker.journal.queue_log import NOTHING, QueueLog
from amqpbroker.journal.recovery import Damage
from amqpbroker.session.confirms import Confirms
from amqpbroker.wire.methods import Basic, Confirm, Queue, Tx
from tests.helpers.durable import (
    DurableServer,
    drained,
    durable_client,
    flagged,
    numbered,
    persistent,
    publish,
    server_of,
    there,
)
from tests.helpers.sessions import consume
from tests.helpers.simulated_disk import PowerLost, SimulatedDisk
from tests.simulation import planted

SEGMENT_BYTES = 4_096


def _small(disk: SimulatedDisk | None = None) -> DurableServer:
    """Segments so small that a few commits fill one, and nothing is compacted."""
    return DurableServer(disk, segment_bytes=SEGMENT_BYTES, space_floor_bytes=1 << 30)


def _fill_a_segment(server: DurableServer) -> None:
    """Something else is written and acknowledged, so that a segment ends and another begins."""
    begun = server.log.segments[-1].id
    while server.log.segments[-1].id == begun:
        server.put(numbered(2, size_bytes=600), "others")
        server.commit()
        drained(server.queue("others"))


# 1. Tombstones


def acknowledgements_stay_as_long_as_what_they_settle() -> None:
    server = _small()
    server.put([persistent("kept"), persistent("acknowledged")])
    server.commit()
    _fill_a_segment(server)
    position, _, _ = [server.queue().take(), server.queue().take()][1]  # type: ignore[misc]
    server.queue().log.settle((position,))  # type: ignore[union-attr]
    for _ in range(4):
        _fill_a_segment(server)
    server.commit()
    assert there(server.after_a_power_cut().queue()) == ["kept"]


# 2. Positions


def a_position_is_never_given_twice() -> None:
    server = DurableServer()
    server.put(numbered(3))
    server.commit()
    drained(server.queue())
    server.commit()
    server = server.after_a_kill()
    server.put([persistent("new")])
    server.commit()
    assert there(server.after_a_kill().queue()) == ["new"]


# 3. The page cache


def what_a_start_has_found_is_there_after_a_power_cut() -> None:
    server = DurableServer()
    server.queue()
    server.commit()
    server.put(numbered(1))
    server.finish_turn()
    assert server.in_flight is not None
    segment = server.in_flight.segment
    octets = b"".join(
        format.encode_frame(
            segment.salt, server.in_flight.offset, server.in_flight.sequence, segment.epoch, 1, _payload(server)
        )
    )
    # Killed between write and sync.
    server.disk.open(segment.name, writable=True).write([octets], server.in_flight.offset, sync=False)
    server = server.after_a_kill()
    assert there(server.queue()) == ["1"]
    server.disk.random.seed(2)
    assert there(server.after_a_power_cut().queue()) == ["1"]


def _payload(server: DurableServer) -> bytes:
    assert server.in_flight is not None
    return b"".join(server.in_flight.pieces)


# 4. Commits


def a_commit_is_there_as_a_whole_or_not_at_all() -> None:
    for seed in range(8):
        # In the first it has room, in the second it is larger than a segment.
        for server in DurableServer(SimulatedDisk(Random(seed))), _small(SimulatedDisk(Random(seed))):
            server.put([persistent("before")])
            server.commit()
            server.put(numbered(20, size_bytes=900))
            server.finish_turn()
            assert server.in_flight is not None
            _die_writing(server, "write", 1 + server.in_flight.is_new)
            assert len(there(server.after_a_power_cut().queue())) in (1, 21)


def _die_writing(server: DurableServer, operation: str, number: int) -> None:
    """The power goes in the middle of the n-th such call of the commit under way."""
    left = [number]

    def before(_call: int, kind: str, _name: str) -> None:
        left[0] -= kind == operation
        if left[0] == 0:
            raise PowerLost

    server.disk.before = before
    assert server.in_flight is not None
    with pytest.raises(PowerLost):
        server.writer.commit_once(server.in_flight)
    server.disk.before = None


# 5. Forged frames


def octets_that_a_client_has_published_are_no_commit() -> None:
    server = DurableServer()
    server.put([persistent(bytes(2_000))])
    server.finish_turn()
    commit = server.in_flight
    assert commit is not None
    # A client that tries often enough finds the place where its octets begin a block; nobody tells it the salt.
    place = 2 * format.BLOCK_BYTES
    forged = b"".join(
        format.encode_frame(0, commit.offset + place, commit.sequence + 1, server.log.epoch, 1, format.encode_seal())
    )
    payload = bytearray(_payload(server))
    at = place - format.FRAME_HEADER_BYTES
    payload[at : at + len(forged)] = forged
    commit.pieces = [bytes(payload)]
    server.commit_one()
    # Of the commit the first block never came to the disk, the others did.
    server.disk.flip(commit.segment.name, commit.offset, 0)
    assert server.after_a_kill().vhost.queues == {}


# 6. Moves


def what_is_moved_is_here_or_there() -> None:
    client = durable_client(1)
    server = server_of(client)
    client.send(1, Queue.Declare(queue="done", durable=True), Tx.Select())
    server.commit()
    client.send(1, Basic.Get(queue="tasks"))
    server.commit()
    publish(client, "result", name="done")
    client.send(1, Basic.Ack(delivery_tag=1), Tx.Commit())
    server.commit_one()
    server = server.after_a_kill()
    assert (there(server.queue("tasks")), there(server.queue("done"))) == ([], ["result"])


# 7. Queue ids


def a_queue_is_never_taken_for_another() -> None:
    server = DurableServer()
    server.put(numbered(1), "first")
    server.commit()
    server = server.after_a_kill()
    server.put(numbered(1, 2), "second")
    server.commit()
    server = server.after_a_kill()
    assert (there(server.queue("first")), there(server.queue("second"))) == (["1"], ["2"])


# 8. Records


def what_is_with_a_client_survives_a_purge() -> None:
    server = DurableServer()
    server.put(numbered(3))
    server.commit()
    server.queue().take()
    server.queue().purge()
    server.commit()
    assert there(server.after_a_kill().queue()) == ["1"]


# 9. Marks


def what_a_client_had_is_redelivered_after_a_crash() -> None:
    client = durable_client(2)
    client.send(1, Basic.Qos(prefetch_count=1))
    consume(client, "worker")
    server_of(client).commit()
    assert flagged(server_of(client).after_a_power_cut().queue())[:1] == ["1"]


# 10. Checksums of messages


def a_damaged_message_is_told_and_not_delivered() -> None:
    with patch("amqpbroker.model.queues.paged.HEAD_MAX_BYTES", 1):
        server = DurableServer()
        server.put(numbered(3))
        server.commit()
        # The first is in memory yet.
        server.put([persistent("damaged"), persistent("sound")])
        server.commit()
    name = server.log.segments[-1].name
    octets = server.disk.open(name).read(0, server.log.segments[-1].end)
    server.disk.flip(name, octets.index(b"damaged"), 0)
    assert drained(server.queue()) == ["1", "2", "3", "sound"]
    assert len(server.damage) == 1


# 11. Order of answers


def a_confirm_for_many_passes_none_that_waits() -> None:
    client = durable_client()
    client.send(1, Confirm.Select())
    publish(client, "persistent")
    client.publish(1, "", "tasks", b"transient")
    assert client.methods()[1:] == [Basic.Ack(delivery_tag=2)]
    server_of(client).commit()
    assert client.methods() == [Basic.Ack(delivery_tag=1)]


# 12. A full disk


def acknowledgements_make_room_on_a_full_disk() -> None:
    server = _small()
    server.put(numbered(40, size_bytes=600))
    for _ in range(4):
        _fill_a_segment(server)
    server.disk.capacity_bytes = 1 << 40
    server.disk.capacity_bytes -= server.disk.free_bytes()
    queue = server.queue()
    for _ in range(4):
        positions = [found[0] for _ in range(10) if (found := queue.take()) is not None]
        queue.log.settle(positions)  # type: ignore[union-attr]
        server.commit()
    server.put(numbered(3, size_bytes=600))
    server.commit()
    assert len(there(server.after_a_power_cut().queue())) == 3


# Without


def _without_salts() -> AbstractContextManager[Any]:
    return patch.object(Random, "randbytes", lambda random, count: bytes(count))


@contextmanager
def _without_marks() -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(patch.object(QueueLog, "handed_out", lambda log, end: None))
        stack.enter_context(patch.object(QueueLog, "allowance", lambda log, head: NOTHING))
        yield


def _without_checksums() -> AbstractContextManager[Any]:
    return patch.object(format, "crc32", lambda octets, seed=0: 0)


def _without_waiting_in_order() -> AbstractContextManager[Any]:
    def add(confirms: Confirms, count: int) -> None:
        confirms.published += count
        confirms._ready = confirms.published

    return patch.object(Confirms, "add", add)


@contextmanager
def _without_reserves() -> Iterator[None]:
    with patch("amqpbroker.journal.writer.SPARES", 0), patch("amqpbroker.journal.opening.SPARES", 0):
        yield


RULES: list[tuple[Callable[[], None], Callable[[], AbstractContextManager[Any]]]] = [
    (acknowledgements_stay_as_long_as_what_they_settle, planted.recycle_acks_while_their_target_lives),
    (a_position_is_never_given_twice, planted.renumber_positions_at_recovery),
    (what_a_start_has_found_is_there_after_a_power_cut, planted.trust_the_page_caches_tail),
    (a_commit_is_there_as_a_whole_or_not_at_all, planted.ignore_the_checksum),
    (octets_that_a_client_has_published_are_no_commit, _without_salts),
    (what_is_moved_is_here_or_there, planted.cut_the_list_in_mid_move),
    (a_queue_is_never_taken_for_another, planted.keep_the_epoch),
    (what_is_with_a_client_survives_a_purge, planted.purge_by_watermark),
    (what_a_client_had_is_redelivered_after_a_crash, _without_marks),
    (a_damaged_message_is_told_and_not_delivered, _without_checksums),
    (a_confirm_for_many_passes_none_that_waits, _without_waiting_in_order),
    (acknowledgements_make_room_on_a_full_disk, _without_reserves),
]


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES])
def test_the_rule_holds(rule: Callable[[], None]) -> None:
    rule()


@pytest.mark.parametrize(("rule", "without"), RULES)
def test_without_the_rule_something_is_lost_or_comes_back(
    rule: Callable[[], None], without: Callable[[], AbstractContextManager[Any]]
) -> None:
    with without(), pytest.raises((AssertionError, Damage, OSError, KeyError)):
        rule()
