"""Random runs with a journal, crashes and a disk that fails, and every run of the kind that ever failed.

AMQPBROKER_SIMULATION_RUNS and AMQPBROKER_SIMULATION_FIRST mean the same as for `test_simulation`: half of the runs are
here. `python -m tests.simulation.run --durable --help` does the same without pytest.
"""

import errno
from dataclasses import replace

import pytest

from tests.simulation.commands import (
    BindQueue,
    CloseChannel,
    Command,
    Commit,
    Connect,
    Consume,
    Crash,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    Fault,
    Get,
    OpenChannel,
    Publish,
    PurgeQueue,
    Recover,
    Room,
    SelectConfirms,
    SelectTransaction,
    Send,
    Settle,
    Step,
    Stop,
    Write,
)
from tests.simulation.durable import DurableRun, Sizes, program, replay
from tests.simulation.durable_generator import DurableGenerator, simulate
from tests.simulation.naive import Mismatch
from tests.simulation.planted import FAULTS
from tests.simulation.replaying import FIRST, RUNS

BLOCK = 25
STEPS = 70
END = FIRST + RUNS // 2
SMALL = Sizes(segment_bytes=4_096, floor_bytes=16_384, head_bytes=600, refill_bytes=500, copy_bytes=300, lease_max=16)

# A seed stands for the same run as long as durable_generator.py is as it was: what failed is kept as a program, too.
FAILED_SEEDS = (177, 265, 920, 1026, 1191, 1555, 3637, 4340, 15405, 17888, 21281, 22889)


@pytest.mark.parametrize("first", range(FIRST, END, BLOCK))
def test_after_every_crash_the_broker_is_as_it_was_at_the_end_of_a_commit(first: int) -> None:
    for seed in range(first, min(first + BLOCK, END)):
        simulate(seed, STEPS)


@pytest.mark.parametrize("seed", FAILED_SEEDS)
def test_a_seed_that_failed_once_fails_no_more(seed: int) -> None:
    simulate(seed, STEPS)


@pytest.mark.parametrize("seed", range(1, 31))
def test_when_all_is_acknowledged_the_disk_has_its_space_again(seed: int) -> None:
    generator = DurableGenerator(seed)
    with DurableRun(replace(generator.sizes, retire_bytes=0)) as run:
        for _ in range(40):
            run.step(generator.step(run.world))
        run.give_back_space()


# The disk fails: some of everything, and the k-th call that changes anything fails, for every k.


def _some_of_everything() -> list[Step]:
    publish = Publish(1, "x0", "a", 7, style="persistent", size=200)
    turns: list[tuple[Command, ...]] = [
        (OpenChannel(1), SelectConfirms(1), DeclareQueue(1, "d0", durable=True), DeclareQueue(1, "d1", durable=True)),
        (DeclareExchange(1, "x0", durable=True), BindQueue(1, "d0", "x0", "a"), BindQueue(1, "d1", "x0", "a")),
        (publish, Publish(1, "", "d0", 3, size=1_000)),
        (publish, Consume(1, "d0", "c0"), Consume(1, "d1", "c1", no_ack=True)),
        (Settle(1, 3, multiple=True), publish),
        (OpenChannel(2), SelectTransaction(2), Publish(2, "", "d1", 2, style="persistent"), Get(2, "d0")),
        (Settle(2, 0), Commit(2), publish),
        (Settle(1, 2), CloseChannel(1), DeleteExchange(2, "x0")),
    ]
    steps: list[Step] = [Connect(0)]
    for turn in turns:
        steps += [Send(0, turn), Write(), Write(), Write()]
    return steps


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_whatever_call_the_disk_fails_nothing_told_is_lost(number: int) -> None:
    for call in range(1, 120):
        for power in (False, True):
            replay([Fault(call, number), *_some_of_everything(), Crash(call, power), Connect(0)], SMALL)


@pytest.mark.parametrize("power", [False, True])
def test_whatever_call_the_broker_dies_in_nothing_told_is_lost(power: bool) -> None:
    steps = _some_of_everything()
    for end in range(2, len(steps)):
        for call in range(1, 12):
            replay([*steps[:end], Crash(call, power, in_write=call)], SMALL)


@pytest.mark.parametrize("power", [False, True])
def test_whatever_call_a_start_dies_in_the_next_one_finds_all(power: bool) -> None:
    steps = _some_of_everything()
    for call in range(1, 60):
        replay([*steps, Crash(call, False, openings=((call, power), (call + 7, not power)))], SMALL)


@pytest.mark.parametrize("operation", ["rename", "remove", "create", "sync_folder"])
def test_a_segment_that_cannot_be_recycled_for_want_of_space_is_no_failed_disk(operation: str) -> None:
    turns: list[Step] = []
    for _ in range(8):
        turns += [Send(0, (Publish(1, "", "d0", 2, style="persistent", size=1_000),)), Write(), Write()]
        turns += [Send(0, (PurgeQueue(1, "d0"),)), Write(), Write()]
    begin: list[Step] = [Connect(0), Send(0, (OpenChannel(1), DeclareQueue(1, "d0", durable=True)))]
    for call in range(1, 9):
        replay([*begin, Fault(call, errno.ENOSPC, operation), *turns, Crash(call)], replace(SMALL, retire_bytes=0))


@pytest.mark.parametrize("size_bytes", [0, 100, 1_000, 5_000, 9_000, 20_000])
def test_a_full_disk_ends_when_there_is_room_and_all_is_confirmed_then(size_bytes: int) -> None:
    steps = _some_of_everything()
    replay([*steps[:6], Room(size_bytes), *steps[6:]], SMALL)


# Runs that failed.


def test_what_a_get_had_and_gave_back_is_told_as_redelivered_after_a_crash() -> None:
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "d2", durable=True))),
            Write(),
            Send(0, (Publish(1, "", "d2", style="persistent"),)),
            Write(),
            Send(0, (Consume(1, "d2", tag="c0"),)),
            Send(0, (Get(1, "d2"), Recover(1))),
            Crash(970_161),
        ],
        Sizes(lease_first=1, lease_max=64),
    )


def test_what_is_left_of_a_deleted_queue_is_no_damage() -> None:
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "a0", durable=True, auto_delete=True))),
            Send(0, (Publish(1, "", "a0", count=7, style="persistent", size=200),)),
            Send(0, (Consume(1, "a0", tag="c1"),)),
            Write(),
            Send(0, (DeclareQueue(1, "d0", durable=True, nowait=True),)),
            Write(),
            Send(0, (Publish(1, "", "d0", style="persistent", size=30), Settle(1, 0, how="reject", by="reject"))),
            Write(),
            Send(0, (Publish(1, "", "d0", count=20, style="expiring", size=30, headers=(("h", 1),)),)),
            Send(0, (Publish(1, "", "d0", count=20, style="persistent", headers=(("h", 0),)),)),
            Write(),
            Stop(power=True, seed=563_199),
            Connect(0),
            Stop(seed=214_868),
        ],
        Sizes(segment_bytes=4_096, floor_bytes=24_576, retire_bytes=4_096, lease_max=16),
    )


def test_what_is_published_behind_a_gap_is_acknowledged_for_good() -> None:
    get = Get(1, "d0", no_ack=True)
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "d0", durable=True))),
            Send(0, (Publish(1, "", "d0", 3, style="persistent"),)),
            Write(),
            Write(),
            Send(0, (get,)),
            Write(),
            Write(),
            Stop(),
            Connect(0),
            Send(0, (OpenChannel(1), get, Publish(1, "", "d0", style="persistent"), get, get)),
            Write(),
            Write(),
            Write(),
            Crash(1),
        ]
    )


def test_a_deletion_is_not_told_to_a_second_client_before_it_is_on_disk() -> None:
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(2), DeclareExchange(2, "f0", kind="fanout", durable=True))),
            Connect(1),
            Connect(2),
            Write(),
            Send(1, (OpenChannel(1), DeleteExchange(1, "f0"))),
            Send(2, (OpenChannel(1), DeleteExchange(1, "f0"))),
        ]
    )


@pytest.mark.parametrize("call", range(1, 16))
def test_a_page_file_that_finds_no_space_is_no_failed_disk(call: int) -> None:
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "n0"))),
            Fault(call, errno.ENOSPC),
            Send(0, (Publish(1, "", "n0", count=20, size=1_000),)),
            Write(),
            Send(0, (Publish(1, "", "n0"),)),
            Write(),
            Send(0, (Publish(1, "", "n0"),)),
            Write(),
            Stop(),
        ],
        replace(SMALL, page_file_bytes=500),
    )


def test_a_start_on_a_full_disk_after_a_power_cut_has_its_reserves() -> None:
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "a0", durable=True, auto_delete=True))),
            Stop(power=True, seed=937_597),
            Room(0),
            Crash(501_810),
        ],
        replace(SMALL, read_bytes=1_024),
    )


@pytest.mark.parametrize("call", range(1, 46))
def test_a_manifest_out_of_the_page_cache_is_on_disk_before_what_it_leaves_out_goes(call: int) -> None:
    replay(
        [Crash(1), Crash(2, openings=((call, False), (28, True))), Crash(3, openings=((call, False), (24, True)))],
        Sizes(lease_max=64),
    )


def test_what_is_published_in_one_go_stays_one_though_one_after_the_other_pushes_others_out() -> None:
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "d0", durable=True, arguments=(("x-max-length", 3),)))),
            Send(0, (Publish(1, "", "d0", style="expiring", size=30), Publish(1, "", "d0", style="persistent"))),
            Write(),
            Crash(1),
            Connect(0),
            Send(0, (OpenChannel(1), Publish(1, "", "d0", 2, style="persistent"))),
            Write(),
            Send(0, (Publish(1, "", "d0", 20),)),
        ],
        Sizes(head_bytes=250),
    )


def test_nothing_is_confirmed_twice_because_something_is_refused() -> None:
    refusing = (("x-max-length", 0), ("x-overflow", "reject-publish"))
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), SelectConfirms(1), DeclareQueue(1, "d0", durable=True))),
            Write(),
            Send(0, (Publish(1, "", "d0", style="persistent"), Publish(1, "amq.fanout", "a", count=20))),
            Write(),
            Send(0, (DeclareQueue(1, "n0", arguments=refusing), Publish(1, "", "n0"))),
        ]
    )


def test_a_commit_is_told_when_the_deletion_of_its_queue_is_on_disk() -> None:
    replay(
        [
            Connect(0),
            Connect(1),
            Send(0, (OpenChannel(1), DeclareQueue(1, "d0", durable=True))),
            Send(1, (OpenChannel(1), SelectTransaction(1), Consume(1, "d0", tag="c0"))),
            Send(0, (Publish(1, "", "d0", style="persistent"),)),
            Write(),
            Write(),
            Send(1, (Settle(1, 0),)),
            Send(0, (DeleteQueue(1, "d0"),)),
            Write(),
            Send(1, (Commit(1),)),
        ]
    )


# What a failure looks like.


def test_a_failure_names_its_seed_and_prints_as_a_program_that_fails_the_same_way() -> None:
    with FAULTS["confirm early"](), pytest.raises(AssertionError, match=r"seed \d+: Mismatch") as failed:
        for seed in range(1, 50):
            simulate(seed, 20)
    text = str(failed.value).partition("\n")[2]
    with FAULTS["confirm early"](), pytest.raises(Mismatch):
        exec(text, {})


def test_a_program_names_only_what_is_not_as_usual() -> None:
    text = program([Connect(0), Crash(7, power=True)], Sizes(lease_max=16))
    assert "[\n        Connect(0),\n        Crash(7, power=True),\n    ],\n    Sizes(lease_max=16)," in text
