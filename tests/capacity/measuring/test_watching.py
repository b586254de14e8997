"""Which queues are measured, and how much of what goes by."""

from amqpbroker.capacity.measuring.traffic import QueueTraffic
from amqpbroker.capacity.measuring.watching import KEPT_S, QUEUES_MAX, SHARE_MAX, WINDOW_S, Measuring, TrafficTap
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.wire.methods import Queue
from tests.helpers.sessions import opened, publish_numbers, with_queue
from tests.helpers.wire_client import MemoryServer, WireClient


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


class PassingClock(HandClock):
    """A clock that goes on whenever somebody looks at it: looking takes time."""

    def __init__(self, step_s: float = 10e-6) -> None:
        super().__init__()
        self.step_s = step_s

    def now_s(self) -> float:
        self.seconds += self.step_s
        return self.seconds


def flooded() -> tuple[WireClient, QueueTraffic]:
    """A client with a queue that is measured, after more messages than can be looked at in a window."""
    client = opened(MemoryServer(clock=PassingClock()))
    client.send(1, Queue.Declare(queue="tasks", nowait=True))
    traffic = Measuring(client.clock).of(client.vhost, client.vhost.queues["tasks"])
    publish_numbers(client, 2_000)
    return client, traffic


def test_of_a_flood_a_stretch_of_each_second_is_looked_at() -> None:
    client, traffic = flooded()
    in_first = traffic.arrived
    assert client.vhost.tap is None
    assert 0.7 * SHARE_MAX * WINDOW_S < in_first * 10e-6 < SHARE_MAX * WINDOW_S
    client.advance(WINDOW_S)
    assert client.vhost.tap is not None
    publish_numbers(client, 10)
    assert (traffic.arrived, traffic.stretches, traffic.gaps.count) == (in_first + 10, 2, in_first - 1 + 9)
    assert traffic.watched_s(client.clock.now_s()) < 0.1


def test_looking_in_one_window_is_not_held_against_the_next() -> None:
    client, traffic = flooded()
    for _ in range(3):
        client.advance(WINDOW_S)
        before = traffic.arrived
        publish_numbers(client, 100)
        assert traffic.arrived == before + 100
    assert (traffic.stretches, client.vhost.tap is not None) == (2, True)


def test_who_is_asked_about_in_a_break_is_measured_from_its_end() -> None:
    client = opened(MemoryServer(clock=PassingClock()))
    client.send(1, Queue.Declare(queue="tasks", nowait=True), Queue.Declare(queue="other", nowait=True))
    measuring = asked(client, "tasks")
    publish_numbers(client, 2_000)
    other = measuring.of(client.vhost, client.vhost.queues["other"])
    assert client.vhost.tap is None
    client.advance(WINDOW_S)
    publish_numbers(client, 1, name="other")
    assert other.arrived == 1
    assert other.watched_s(client.clock.now_s()) < WINDOW_S


def test_a_break_ends_with_the_measuring() -> None:
    client, traffic = flooded()
    waiting = client.clock.waiting
    assert traffic.stretches == 1
    client.advance(KEPT_S + WINDOW_S)
    assert (client.vhost.tap, client.clock.waiting) == (None, waiting - 2)


def test_a_look_at_which_the_machine_did_something_else_costs_no_more_than_a_window() -> None:
    client = opened(MemoryServer(clock=PassingClock(step_s=5.0)))
    client.send(1, Queue.Declare(queue="tasks", nowait=True))
    traffic = Measuring(client.clock).of(client.vhost, client.vhost.queues["tasks"])
    publish_numbers(client, 1)
    client.clock.step_s = 10e-6
    publish_numbers(client, 10)
    client.advance(WINDOW_S)
    publish_numbers(client, 10)
    assert traffic.arrived == 21 and client.vhost.tap is not None
