"""What waits at a delayed exchange: it leaves in the order of the times at which it is due."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Kept
from amqpbroker.model.exchanges.delayed import X_DELAY, DelayedExchange
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.message import PERSISTENT, Message, address_of
from amqpbroker.model.queues.delayed import RELEASE_MAX_MESSAGES, DelayedMessages
from amqpbroker.wire.properties import Properties, encode
from amqpbroker.wire.tables import Field, long_string
from tests.helpers.durable import DurableServer, there

HEADER = b"\x00\x3c\x00\x00" + b"\x00" * 10


def message(body: str) -> Message:
    return address_of("later", "key"), HEADER, body.encode(), PERSISTENT


class Waiting:
    """Delayed messages, the clock, and what has left: the body and the time of each."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.start_ms = self.clock.unix_ms()
        self.left: list[Message] = []
        self.times_ms: list[int] = []
        self.delayed = DelayedMessages(self.clock, self._release)

    def _release(self, messages: Sequence[Message]) -> None:
        for one in messages:
            self.left.append(one)
            self.times_ms.append(self.clock.unix_ms() - self.start_ms)

    def add(self, body: str, delay_ms: int) -> None:
        self.delayed.add(message(body), delay_ms, None)

    @property
    def bodies(self) -> list[str]:
        return [body.decode() for _, _, body, _ in self.left]


def test_messages_leave_when_they_are_due() -> None:
    waiting = Waiting()
    waiting.add("late", 5_000)
    waiting.add("soon", 1_000)
    waiting.clock.advance(0.999)
    assert waiting.bodies == []
    waiting.clock.advance(0.001)
    assert waiting.bodies == ["soon"]
    waiting.clock.advance(4)
    assert waiting.bodies == ["soon", "late"]


def test_what_is_due_at_one_time_leaves_as_it_came() -> None:
    waiting = Waiting()
    for number in range(20):
        waiting.add(str(number), 100)
    waiting.clock.advance(0.1)
    assert waiting.bodies == [str(number) for number in range(20)]


def test_a_message_leaves_as_it_came() -> None:
    waiting = Waiting()
    waiting.delayed.add((address_of("x", "a.b"), HEADER + b"more", b"body\x00", 5 << 8 | 5), 1, None)
    waiting.clock.advance(1)
    assert waiting.left == [(address_of("x", "a.b"), HEADER + b"more", b"body\x00", 5 << 8 | 5)]


def test_one_deadline_for_all() -> None:
    waiting = Waiting()
    for delay_ms in (500, 300, 400, 100, 200):
        waiting.add(str(delay_ms), delay_ms)
    assert waiting.clock.waiting == 1


def test_nothing_is_asked_of_the_clock_while_nothing_waits() -> None:
    waiting = Waiting()
    waiting.add("one", 10)
    waiting.clock.advance(1)
    assert waiting.clock.waiting == 0


def test_others_get_their_turn_while_many_leave() -> None:
    waiting = Waiting()
    for number in range(2 * RELEASE_MAX_MESSAGES + 1):
        waiting.add(str(number), 10)
    turns: list[int] = []
    waiting.clock.at(waiting.clock.now_s() + 0.01, lambda: turns.append(len(waiting.left)))
    waiting.clock.advance(0.01)
    assert turns == [RELEASE_MAX_MESSAGES]
    assert len(waiting.left) == 2 * RELEASE_MAX_MESSAGES + 1


def test_what_is_discarded_never_leaves() -> None:
    waiting = Waiting()
    waiting.add("one", 10)
    waiting.delayed.discard()
    waiting.clock.advance(1)
    assert (waiting.bodies, len(waiting.delayed), waiting.delayed.held_bytes) == ([], 0, 0)


def test_memory_is_counted_as_long_as_it_is_held() -> None:
    waiting = Waiting()
    waiting.add("x" * 1_000, 10)
    assert 1_000 < waiting.delayed.held_bytes < 1_200
    waiting.clock.advance(1)
    assert waiting.delayed.held_bytes == 0


STEPS = st.lists(st.tuples(st.just("add"), st.integers(1, 50)) | st.tuples(st.just("go"), st.integers(0, 30)))


@given(STEPS)
def test_delayed_messages_are_a_sorted_list(steps: list[tuple[str, int]]) -> None:
    waiting = Waiting()
    now_ms = 0
    expected: list[tuple[int, int]] = []
    for number, (step, ms) in enumerate(steps):
        if step == "add":
            expected.append((now_ms + ms, number))
            waiting.add(str(number), ms)
        else:
            waiting.clock.advance(ms / 1000)
            now_ms += ms
    due = sorted(one for one in expected if one[0] <= now_ms)
    # A clock of floats may be a millisecond late.
    waiting.clock.advance(0.001)
    assert waiting.bodies[: len(due)] == [str(number) for _, number in due]
    assert len(waiting.delayed) == len(expected) - len(waiting.left)
    assert all(time_ms >= due_ms for time_ms, (due_ms, _) in zip(waiting.times_ms, sorted(expected), strict=False))


# On disk


def test_messages_leave_in_their_order_after_a_restart_too() -> None:
    delays = DurableDelays()
    for delay_ms in (3_000, 1_000, 4_000, 2_000):
        delays.publish(delay_ms, PERSISTENT)
    delays.commit()
    delays.restart("after_a_kill")
    delays.time_passes(5_000)
    assert delays.come == [1, 3, 0, 2]


class DurableDelays(RuleBasedStateMachine):
    """A durable delayed exchange in front of a durable queue: what is on disk comes once, whatever happens."""

    def __init__(self) -> None:
        super().__init__()
        self.server = DurableServer()
        exchange = DelayedExchange("later", True, False, False, {"x-delayed-type": long_string("fanout")})
        self.server.vhost.add_exchange(exchange)
        self.server.queue("tasks")
        self.server.vhost.bind(Binding("later", Destination("queue", "tasks"), "", {}))
        self.now_ms = 0
        self.published_count = 0
        # Of all that were published and not lost.
        self.due_ms: dict[int, int] = {}
        self.transient: set[int] = set()
        # As of the last commit.
        self.on_disk: set[int] = set()
        self.commit()

    @property
    def exchange(self) -> DelayedExchange:
        exchange = self.server.vhost.exchanges["later"]
        assert isinstance(exchange, DelayedExchange)
        return exchange

    @rule(delay_ms=st.integers(1, 3_000), flags=st.sampled_from((0, PERSISTENT)))
    def publish(self, delay_ms: int, flags: int) -> None:
        number = self.published_count
        self.published_count += 1
        self.due_ms[number] = self.now_ms + delay_ms
        if flags != PERSISTENT:
            self.transient.add(number)
        properties = Properties(headers={X_DELAY: Field("I", delay_ms)})
        whole = address_of("later", ""), encode(properties, 0), str(number).encode(), flags
        self.server.vhost.publish_kept(self.exchange, Kept([""], properties, whole))

    @property
    def come(self) -> list[int]:
        """What is in the queue."""
        return [int(body) for body in there(self.server.queue("tasks"))]

    @rule()
    def commit(self) -> None:
        self.server.commit()
        # Only as long as it waits at the exchange a transient message is on disk.
        self.on_disk = set(self.due_ms) - self.transient.intersection(self.come)

    @rule(ms=st.integers(1, 2_000))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms
        self.server.clock.advance(ms / 1_000)

    @rule(how=st.sampled_from(("after_a_kill", "after_a_power_cut", "after_a_stop")))
    def restart(self, how: str) -> None:
        if how == "after_a_stop":
            self.commit()
        self.server = getattr(self.server, how)()
        self.server.clock.advance(0)
        self.due_ms = {number: due_ms for number, due_ms in self.due_ms.items() if number in self.on_disk}

    @invariant()
    def every_message_is_there_once(self) -> None:
        come = self.come
        assert len(come) == len(set(come))
        assert len(come) + self.exchange.delayed_count == len(self.due_ms)
        early = [number for number in come if self.due_ms[number] > self.now_ms]
        late = [number for number, due_ms in self.due_ms.items() if due_ms < self.now_ms and number not in come]
        assert (early, late) == ([], [])

    def teardown(self) -> None:
        assert self.server.damage == []


TestDurableDelays = DurableDelays.TestCase
TestDurableDelays.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_what_one_has_kept_another_takes_over_and_all_of_it_falls_due_so_much_later() -> None:
    before, now = Waiting(), Waiting()
    before.add("second", 2_000)
    before.add("first", 1_000)
    now.clock.advance(5.0)
    now.delayed.take_over(before.delayed.contents(), 5_000)
    assert (len(now.delayed), now.delayed.held_bytes) == (2, before.delayed.held_bytes)
    now.clock.advance(1.0)
    assert now.bodies == ["first"]
    now.clock.advance(1.0)
    assert now.bodies == ["first", "second"]
