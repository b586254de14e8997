"""Random runs against the naive model, and every run that ever failed.

AMQPBROKER_SIMULATION_RUNS in the environment asks for more than the usual 2,000 in all; they begin at
AMQPBROKER_SIMULATION_FIRST. `python -m tests.simulation.run --help` does the same without pytest.
"""

from collections import deque
from unittest.mock import patch

import pytest

from amqpbroker.model.queue import Queue
from tests.simulation.commands import (
    Commit,
    Connect,
    Consume,
    DeclareQueue,
    Get,
    Lose,
    OpenChannel,
    Publish,
    Qos,
    SelectTransaction,
    Send,
    Settle,
    Step,
)
from tests.simulation.naive import Mismatch
from tests.simulation.replaying import FIRST, RUNS, shrink
from tests.simulation.run import failure_of, program, replay, simulate

BLOCK = 100
# The other half has a journal and restarts: `test_durable`.
END = FIRST + RUNS // 2
STEPS = 40

# A seed stands for the same run as long as generator.py is as it was: what failed is kept as a program, too.
FAILED_SEEDS = (23, 67, 208, 526, 1281, 1590, 1627, 1787, 1825)


@pytest.mark.parametrize("first", range(FIRST, END, BLOCK))
def test_random_clients_get_what_the_naive_model_says(first: int) -> None:
    for seed in range(first, min(first + BLOCK, END)):
        simulate(seed, STEPS)


@pytest.mark.parametrize("seed", FAILED_SEEDS)
def test_a_seed_that_failed_once_fails_no_more(seed: int) -> None:
    simulate(seed, STEPS)


def test_a_message_got_does_not_count_against_the_channels_prefetch() -> None:
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q0"), Publish(1, "", "q0", count=7))),
            Send(0, (Qos(1, 1, whole_channel=True), Get(1, "q0"), Qos(1, 5, whole_channel=True))),
            Send(0, (Consume(1, "q0", tag="c0"),)),
        ]
    )


def test_what_waits_in_a_transaction_counts_against_the_channels_prefetch() -> None:
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q0"), Publish(1, "", "q0", count=7))),
            Send(0, (Qos(1, 2, whole_channel=True), Consume(1, "q0", tag="c0"), SelectTransaction(1))),
            Send(0, (Settle(1, 0), Settle(1, 0), Qos(1, 5, whole_channel=True))),
            Send(0, (Commit(1),)),
        ]
    )


def _two_consumers() -> list[Step]:
    """Two connections share a queue; one is lost, and the other gets what it had."""
    return [
        Connect(0),
        Connect(1),
        Send(0, (OpenChannel(1), DeclareQueue(1, "q0"), Qos(1, 2), Consume(1, "q0", tag="c0"))),
        Send(1, (OpenChannel(1), Consume(1, "q0", tag="c0"))),
        Send(1, (Publish(1, "", "q0", count=7),)),
        Send(0, (Settle(1, 1),)),
        Lose(0),
    ]


def test_what_a_lost_connection_had_goes_to_the_other_consumer() -> None:
    replay(_two_consumers())


# What the simulation is worth is seen from what it finds: faults put into the queue on purpose.


def test_a_queue_that_forgets_what_comes_back_is_found() -> None:
    with (
        patch.object(Queue, "requeue", lambda self, entries, how: None),
        pytest.raises(Mismatch, match=r"ready in q0|keeps"),
    ):
        replay([*_two_consumers()[:-2], Send(0, (Settle(1, 0, how="requeue", by="nack"),))])


def test_a_queue_that_serves_the_same_consumer_first_each_time_is_found() -> None:
    def first_registered(self: Queue, consumer: object) -> None:
        if consumer not in self.levels.setdefault(0, deque()):
            self.levels[0].appendleft(consumer)  # type: ignore[arg-type]

    with patch.object(Queue, "ready_to_take", first_registered), pytest.raises(Mismatch):
        replay(_two_consumers())


def test_a_failure_names_its_seed_and_prints_as_a_program_that_fails_the_same_way() -> None:
    with (
        patch.object(Queue, "purge", lambda self: 0),
        pytest.raises(AssertionError, match=r"seed \d+: Mismatch") as failed,
    ):
        for seed in range(200):
            simulate(seed, STEPS)
    text = str(failed.value).partition("\n")[2]
    with patch.object(Queue, "purge", lambda self: 0), pytest.raises(Mismatch):
        exec(text, {})


def test_a_failure_is_shrunk_to_the_steps_that_it_takes() -> None:
    steps = [Connect(7), *_two_consumers(), Connect(8)]
    with patch.object(Queue, "requeue", lambda self, entries, how: None):
        short = shrink(steps, lambda some: type(failure_of(some, "4.2", False)) is Mismatch)
    text = program(short, "4.2", False)
    assert [step for step in short if isinstance(step, Connect)] == [Connect(0), Connect(1)]
    assert "Settle" not in text and "Qos" not in text and "count=" not in text
