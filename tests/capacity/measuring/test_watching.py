"""Which queues are measured, and how much of what goes by."""

from amqpbroker.capacity.measuring.watching import KEPT_S, LOOKS_MAX, QUEUES_MAX, WINDOW_S, Measuring, TrafficTap
from amqpbroker.wire.methods import Queue
from tests.helpers.sessions import opened, publish_numbers, with_queue
from tests.helpers.wire_client import WireClient


def asked(client: WireClient, *names: str) -> Measuring:
    measuring = Measuring(client.clock)
    for name in names:
        measuring.of(client.vhost, client.vhost.queues[name])
    return measuring


def test_at_rest_there_is_no_tap_and_no_timer() -> None:
    client = with_queue()
    waiting = client.clock.waiting
    measuring = asked(client)
    assert (client.vhost.tap, client.clock.waiting) == (None, waiting)
    measuring.of(client.vhost, client.vhost.queues["tasks"])
    assert isinstance(client.vhost.tap, TrafficTap)


def test_a_queue_is_measured_while_somebody_asks_about_it() -> None:
    measuring = asked(client := with_queue(), "tasks")
    publish_numbers(client, 1)
    for _ in range(3):
        client.advance(KEPT_S - 1)
        assert measuring.of(client.vhost, client.vhost.queues["tasks"]).arrived == 1
    client.advance(KEPT_S)
    assert client.vhost.tap is None
    assert measuring.of(client.vhost, client.vhost.queues["tasks"]).arrived == 0


def test_each_queue_is_forgotten_on_its_own() -> None:
    client = with_queue()
    client.send(1, Queue.Declare(queue="other", nowait=True))
    measuring = asked(client, "tasks")
    client.advance(KEPT_S / 2)
    other = measuring.of(client.vhost, client.vhost.queues["other"])
    client.advance(KEPT_S / 2)
    publish_numbers(client, 1)
    publish_numbers(client, 1, name="other")
    assert isinstance(client.vhost.tap, TrafficTap)
    assert ([queue.name for queue in client.vhost.tap.measured], other.arrived) == (["other"], 1)


def test_a_queue_that_is_declared_again_is_another_one() -> None:
    measuring = asked(client := with_queue(), "tasks")
    publish_numbers(client, 3)
    client.send(1, Queue.Delete(queue="tasks", nowait=True), Queue.Declare(queue="tasks", nowait=True))
    traffic = measuring.of(client.vhost, client.vhost.queues["tasks"])
    publish_numbers(client, 1)
    assert (traffic.arrived, traffic.waits.count) == (1, 0)


def test_of_too_many_those_are_measured_that_were_asked_about_last() -> None:
    client = opened()
    names = [f"queue {number}" for number in range(QUEUES_MAX + 1)]
    for name in names:
        client.send(1, Queue.Declare(queue=name, nowait=True))
    asked(client, *names[:-1], names[0], names[-1])
    assert isinstance(client.vhost.tap, TrafficTap)
    assert {queue.name for queue in client.vhost.tap.measured} == {*names} - {names[1]}


def test_of_a_flood_a_stretch_of_each_second_is_looked_at() -> None:
    measuring = asked(client := with_queue(), "tasks")
    traffic = measuring.of(client.vhost, client.vhost.queues["tasks"])
    client.advance(0.2)
    publish_numbers(client, LOOKS_MAX + 10)
    assert (client.vhost.tap, traffic.arrived) == (None, LOOKS_MAX)
    client.advance(WINDOW_S)
    publish_numbers(client, 10)
    assert (traffic.arrived, traffic.stretches, traffic.gaps.count) == (LOOKS_MAX + 10, 2, LOOKS_MAX - 1 + 9)
    assert traffic.watched_s(client.clock.now_s()) < 1.2


def test_a_slow_queue_is_looked_at_without_a_break() -> None:
    measuring = asked(client := with_queue(), "tasks")
    for _ in range(3):
        publish_numbers(client, LOOKS_MAX // 2)
        client.advance(2 * WINDOW_S)
    traffic = measuring.of(client.vhost, client.vhost.queues["tasks"])
    assert (traffic.arrived, traffic.stretches) == (LOOKS_MAX // 2 * 3, 1)


def test_who_is_asked_about_in_a_break_is_measured_from_its_end() -> None:
    client = with_queue()
    client.send(1, Queue.Declare(queue="other", nowait=True))
    measuring = asked(client, "tasks")
    publish_numbers(client, LOOKS_MAX)
    other = measuring.of(client.vhost, client.vhost.queues["other"])
    client.advance(WINDOW_S)
    publish_numbers(client, 1, name="other")
    client.advance(0.5)
    assert other.arrived == 1
    assert 0.5 <= other.watched_s(client.clock.now_s()) < WINDOW_S


def test_a_break_ends_with_the_measuring() -> None:
    measuring = asked(client := with_queue(), "tasks")
    waiting = client.clock.waiting
    client.advance(KEPT_S - 0.5)
    publish_numbers(client, 2 * LOOKS_MAX + 1)
    client.advance(KEPT_S)
    assert (client.vhost.tap, client.clock.waiting) == (None, waiting - 1)
    assert measuring.of(client.vhost, client.vhost.queues["tasks"]).arrived == 0
