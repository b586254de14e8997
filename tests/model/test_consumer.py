"""How many messages a consumer may be given."""

import pytest

from amqpbroker.model.consumer import UNLIMITED, ChannelBudget, Consumer
from amqpbroker.model.queue import Queue
from tests.helpers.outlet import Outlet


def consumer_of(budget: ChannelBudget, *, prefetch: int = 0, no_ack: bool = False) -> Consumer:
    return Consumer("ctag", Queue("tasks"), Outlet(), budget, number=1, prefetch=prefetch, no_ack=no_ack)


@pytest.mark.parametrize(
    ("prefetch", "channel_credit", "no_ack", "capacity"),
    [
        (0, UNLIMITED, False, UNLIMITED),
        (3, UNLIMITED, False, 3),
        (3, 2, False, 2),
        (0, 2, False, 2),
        (0, -1, False, 0),
        (3, 2, True, UNLIMITED),
    ],
)
def test_the_least_of_the_limits_counts_and_none_without_acknowledgement(
    prefetch: int, channel_credit: int, no_ack: bool, capacity: int
) -> None:
    budget = ChannelBudget()
    budget.credit = channel_credit
    assert consumer_of(budget, prefetch=prefetch, no_ack=no_ack).capacity == capacity


@pytest.mark.parametrize("no_ack", [False, True])
def test_a_connection_that_is_full_takes_nothing(no_ack: bool) -> None:
    budget = ChannelBudget()
    budget.writable = False
    assert consumer_of(budget, no_ack=no_ack).capacity == 0


def test_what_is_outstanding_costs_credit_of_consumer_and_channel_until_it_is_settled() -> None:
    budget = ChannelBudget()
    budget.credit = 5
    consumer = consumer_of(budget, prefetch=3)
    consumer.spend(2)
    assert (consumer.capacity, budget.credit, consumer.outstanding) == (1, 3, 2)
    consumer.restore(2)
    assert (consumer.capacity, budget.credit, consumer.outstanding) == (3, 5, 0)


def test_without_acknowledgement_nothing_is_outstanding() -> None:
    consumer = consumer_of(ChannelBudget(), prefetch=3, no_ack=True)
    consumer.spend(7)
    assert (consumer.capacity, consumer.outstanding) == (UNLIMITED, 0)
