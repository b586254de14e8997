"""A single active consumer: who it is, and who is the next."""

import pytest

from amqpbroker.model.consumer import ChannelBudget, Consumer
from amqpbroker.model.queue import Queue
from amqpbroker.model.single_active import SingleActive
from amqpbroker.profiles import PROFILES
from tests.helpers.outlet import Outlet, messages


def single_queue(kind: str = "classic", profile: str = "4.2") -> tuple[Queue, Outlet]:
    queue = Queue("tasks")
    queue.single_active = SingleActive(kind, PROFILES[profile])
    return queue, Outlet()


def subscribe(queue: Queue, tag: str, outlet: Outlet, *, prefetch: int = 0, priority: int = 0) -> Consumer:
    consumer = Consumer(tag, queue, outlet, ChannelBudget(), number=1, prefetch=prefetch, priority=priority)
    queue.add_consumer(consumer)
    queue.drain()
    return consumer


def active(queue: Queue) -> str:
    assert queue.single_active is not None
    found = queue.single_active.active
    return "" if found is None else found.tag


def order(outlet: Outlet) -> str:
    return "".join(tag for tag, _, _, _ in outlet.deliveries)


def acknowledge(queue: Queue, consumer: Consumer, count: int) -> None:
    queue.settle(consumer, count)
    queue.drain()


def test_the_first_gets_everything() -> None:
    queue, outlet = single_queue()
    first = subscribe(queue, "a", outlet, prefetch=2)
    subscribe(queue, "b", outlet)
    queue.extend(messages(5))
    assert (order(outlet), queue.message_count) == ("aa", 3)
    acknowledge(queue, first, 1)
    assert order(outlet) == "aaa"


def test_without_consumers_nobody_is_active() -> None:
    queue, outlet = single_queue()
    consumer = subscribe(queue, "a", outlet)
    queue.remove_consumer(consumer)
    assert active(queue) == ""
    queue.extend(messages(1))
    subscribe(queue, "b", outlet)
    assert order(outlet) == "b"


def test_the_next_does_not_wait_for_what_the_last_one_has() -> None:
    queue, outlet = single_queue()
    first = subscribe(queue, "a", outlet, prefetch=1)
    subscribe(queue, "b", outlet)
    queue.extend(messages(3))
    queue.remove_consumer(first)
    queue.drain()
    assert order(outlet) == "abb"


@pytest.mark.parametrize(
    ("kind", "profile", "expected"),
    [
        ("classic", "3.13", "adcb"),
        ("classic", "4.3", "adcb"),
        ("quorum", "3.13", "abcd"),
        ("quorum", "4.2", "dcab"),
        ("quorum", "4.3", "dcab"),
    ],
)
def test_who_is_next(kind: str, profile: str, expected: str) -> None:
    queue, outlet = single_queue(kind, profile)
    consumers = {
        tag: subscribe(queue, tag, outlet, priority=priority)
        for tag, priority in zip("abcd", (1, 0, 5, 6), strict=True)
    }
    found = ""
    while tag := active(queue):
        found += tag
        queue.remove_consumer(consumers[tag])
    assert found == expected


def test_a_higher_priority_takes_over_a_quorum_queue_when_all_is_settled() -> None:
    queue, outlet = single_queue("quorum")
    first = subscribe(queue, "a", outlet, prefetch=2)
    queue.extend(messages(6))
    subscribe(queue, "b", outlet, priority=1)
    acknowledge(queue, first, 1)
    assert (order(outlet), active(queue)) == ("aa", "a")
    acknowledge(queue, first, 1)
    assert (order(outlet), active(queue)) == ("aabbbb", "b")


def test_who_gave_way_in_vain_goes_on() -> None:
    queue, outlet = single_queue("quorum")
    subscribe(queue, "a", outlet, prefetch=2)
    queue.extend(messages(1))
    higher = subscribe(queue, "b", outlet, priority=1)
    queue.remove_consumer(higher)
    queue.extend(messages(1))
    assert order(outlet) == "aa"


def test_of_one_priority_a_quorum_queue_prefers_who_may_have_more() -> None:
    queue, outlet = single_queue("quorum")
    first = subscribe(queue, "a", outlet)
    for tag, prefetch in (("b", 5), ("c", 9), ("d", 9)):
        subscribe(queue, tag, outlet, prefetch=prefetch)
    queue.remove_consumer(first)
    assert active(queue) == "c"


def test_who_lets_messages_time_out_makes_room_for_the_next() -> None:
    queue, outlet = single_queue("quorum", "4.3")
    first = subscribe(queue, "a", outlet, prefetch=1)
    subscribe(queue, "b", outlet)
    queue.extend(messages(2))
    queue.timed_out(first, 1)
    queue.requeue([(1, messages(1)[0])])
    queue.settle(first, 1)
    queue.drain()
    assert (order(outlet), active(queue)) == ("abb", "b")


def test_who_has_settled_what_timed_out_may_be_active_again() -> None:
    queue, outlet = single_queue("quorum", "4.3")
    first = subscribe(queue, "a", outlet, prefetch=1)
    queue.extend(messages(2))
    queue.timed_out(first, 1)
    queue.requeue([(1, messages(1)[0])])
    queue.settle(first, 1)
    queue.drain()
    assert (order(outlet), active(queue)) == ("a", "")
    queue.settle_timed_out(first, 1)
    assert (order(outlet), active(queue)) == ("aa", "a")
