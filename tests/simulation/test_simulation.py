"""Random runs against the naive model, and every run that ever failed.

AMQPBROKER_SIMULATION_RUNS in the environment asks for more than the usual 2,000 in all; they begin at
AMQPBROKER_SIMULATION_FIRST. `python -m tests.simulation.run --help` does the same without pytest.
"""

from collections import deque
from unittest.mock import patch

import pytest

from amqpbroker.model.queue import Queue
from tests.simulation.commands import (
    ClearPolicy,
    CloseChannel,
    Commit,
    Connect,
    Consume,
    DeclareQueue,
    DeleteQueue,
    Get,
    Lose,
    OpenChannel,
    Publish,
    Qos,
    SelectConfirms,
    SelectTransaction,
    Send,
    SetPolicy,
    Settle,
    Step,
    Wait,
)
from tests.simulation.naive import Mismatch
from tests.simulation.replaying import FIRST, RUNS, shrink
from tests.simulation.run import failure_of, program, replay, simulate

BLOCK = 50
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


DEAD_TO_Q1 = (("x-dead-letter-exchange", ""), ("x-dead-letter-routing-key", "q1"))


def test_what_comes_back_to_a_priority_queue_at_once_expires_by_the_head_of_all_of_it() -> None:
    arguments = (("x-max-length-bytes", 10), ("x-max-priority", 5))
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q0", arguments=arguments), Consume(1, "q0", tag="c0"))),
            Send(0, (Publish(1, "", "q0", expiration=0), Publish(1, "", "q0", priority=6), CloseChannel(1))),
        ]
    )


def test_who_rejects_a_message_has_credit_for_its_dead_letter() -> None:
    to_itself = (("x-message-ttl", 0), ("x-dead-letter-exchange", ""), ("x-dead-letter-routing-key", "q0"))
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q0", arguments=to_itself), Qos(1, 1))),
            Send(0, (Consume(1, "q0", tag="c0"), Publish(1, "", "q0"))),
            Send(0, (Settle(1, 0, how="reject", by="reject"),)),
        ]
    )


@pytest.mark.parametrize("count", [1, 3, 7])
def test_what_has_no_time_to_live_expires_before_the_next_one_pushes_it_out(count: int) -> None:
    arguments = (("x-message-ttl", 0), ("x-max-length", 1), *DEAD_TO_Q1)
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q1"), DeclareQueue(1, "q0", arguments=arguments))),
            Send(0, (Publish(1, "", "q0", count),)),
        ]
    )


def test_what_has_expired_behind_the_head_is_not_pushed_out() -> None:
    arguments = (("x-max-length", 2), *DEAD_TO_Q1)
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q1"), DeclareQueue(1, "q0", arguments=arguments))),
            Send(0, (Publish(1, "", "q0"), Publish(1, "", "q0", expiration=0), Publish(1, "", "q0", 3))),
        ]
    )


@pytest.mark.parametrize("rule", [("x-overflow", "reject-publish"), ("x-max-priority", 1)])
def test_a_queue_that_is_gone_at_the_commit_neither_refuses_nor_gives_up_anything(rule: tuple[str, object]) -> None:
    arguments = (("x-max-length", 1), rule, *DEAD_TO_Q1)
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q1"), DeclareQueue(1, "q0", arguments=arguments))),
            Send(0, (SelectTransaction(1), Publish(1, "", "q0", 3), DeleteQueue(1, "q0"), Commit(1))),
        ]
    )


def test_a_queue_that_refuses_since_a_policy_was_set_does_so_at_the_commit() -> None:
    refusing = (("max-length", 1), ("overflow", "reject-publish"))
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q0"), SelectTransaction(1), Publish(1, "", "q0", 3))),
            SetPolicy("p0", "^q0$", refusing),
            Send(0, (Commit(1),)),
        ]
    )


def test_a_policy_begins_the_life_of_an_unused_queue_anew() -> None:
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q0", arguments=(("x-expires", 1_001),)))),
            Wait(500),
            SetPolicy("p0", "^q0$", (("max-length", 2),)),
            Wait(1_000),
            Wait(100),
        ]
    )


@pytest.mark.parametrize("overflow", ["drop-head", "reject-publish"])
@pytest.mark.parametrize("arguments", [(), (("x-overflow", "reject-publish"),), (("x-message-ttl", 9_999),)])
def test_a_policy_that_makes_a_queue_refuse_drops_what_is_too_much_until_then(
    overflow: str, arguments: tuple[tuple[str, object], ...]
) -> None:
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q0", arguments=arguments), Publish(1, "", "q0", 5))),
            SetPolicy("p0", "^q0$", (("max-length", 2), ("overflow", overflow))),
            ClearPolicy("p0"),
        ]
    )


def test_at_the_end_of_a_channel_a_queue_gets_back_what_all_its_consumers_had_at_once() -> None:
    arguments = (("x-max-length", 1), *DEAD_TO_Q1)
    consume = Consume(1, "q0", tag="c0"), Consume(1, "q0", tag="c1")
    replay(
        [
            Connect(0),
            Connect(1),
            Send(1, (OpenChannel(1), DeclareQueue(1, "q1"), DeclareQueue(1, "q0", arguments=arguments))),
            Send(0, (OpenChannel(1), *consume)),
            Send(1, (Publish(1, "", "q0", 5),)),
            Lose(0),
        ]
    )


def test_rejects_of_two_consumers_one_after_the_other_keep_their_order() -> None:
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q1"), DeclareQueue(1, "q0", arguments=DEAD_TO_Q1))),
            Send(0, (Consume(1, "q0", tag="c0"), Consume(1, "q0", tag="c1"), Publish(1, "", "q0", 7))),
            Send(0, (Settle(1, 4, "reject", "nack", multiple=True), Settle(1, 0, "reject", "nack"))),
        ]
    )


def test_a_quorum_queue_that_was_empty_is_open_again_though_as_much_as_it_may_hold_comes_back() -> None:
    arguments = (("x-queue-type", "quorum"), ("x-overflow", "reject-publish"), ("x-max-length", 2))
    replay(
        [
            Connect(0),
            Connect(1),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q0", durable=True, arguments=arguments))),
            Send(0, (SelectConfirms(1), Publish(1, "", "q0", 5))),
            Send(1, (OpenChannel(1), Consume(1, "q0", tag="c0"))),
            Send(1, (Settle(1, 0), CloseChannel(1))),
            Send(0, (Publish(1, "", "q0", 3),)),
        ]
    )


def test_a_quorum_queue_takes_in_a_policy_as_one() -> None:
    refusing = (("max-length", 1), ("overflow", "reject-publish"))
    replay(
        [
            Connect(0),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q0", durable=True, arguments=(("x-queue-type", "quorum"),)))),
            Send(0, (Publish(1, "", "q0", 5),)),
            SetPolicy("p0", "^q0$", refusing),
        ]
    )


def test_what_comes_back_is_given_out_before_a_dead_letter_asks_whether_there_is_room() -> None:
    refusing = (("x-max-length", 1), ("x-overflow", "reject-publish"))
    dropping = (("x-max-length-bytes", 10), *DEAD_TO_Q1)
    replay(
        [
            Connect(0),
            Connect(1),
            Send(0, (OpenChannel(1), DeclareQueue(1, "q1", arguments=refusing), Consume(1, "q1", tag="c1"))),
            Send(0, (DeclareQueue(1, "q0", arguments=dropping), Consume(1, "q0", tag="c0"))),
            Send(1, (OpenChannel(1), Publish(1, "", "q1"), Consume(1, "q1", tag="c1"))),
            Send(1, (Publish(1, "", "q0"), Publish(1, "", "q0"))),
            Lose(0),
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
