"""A queue beside a list: what waits, who gets what in which order, and what is left."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from amqpbroker.limits import BACKLOG_LOW_MESSAGES, DRAIN_MAX_MESSAGES, MESSAGE_OVERHEAD_BYTES, OUTBOX_MAX_BYTES
from amqpbroker.model.consumer import UNLIMITED, ChannelBudget, Consumer
from amqpbroker.model.message import Message
from amqpbroker.model.queue import Queue, size_of
from amqpbroker.wire.runs import UniformRun
from tests.helpers.outlet import Delivery, Outlet, message, messages


def subscribe(
    queue: Queue,
    tag: str,
    outlet: Outlet | None = None,
    *,
    prefetch: int = 0,
    priority: int = 0,
    no_ack: bool = False,
    budget: ChannelBudget | None = None,
) -> Consumer:
    outlet = outlet or Outlet()
    budget = budget or ChannelBudget()
    outlet.budgets.append(budget)
    consumer = Consumer(
        tag, queue, outlet, budget, number=len(tag), no_ack=no_ack, prefetch=prefetch, priority=priority
    )
    queue.add_consumer(consumer)
    queue.drain()
    return consumer


def consumers_on_one_connection(queue: Queue, tags: str, **how: int) -> tuple[Outlet, list[Consumer]]:
    outlet = Outlet()
    return outlet, [subscribe(queue, tag, outlet, **how) for tag in tags]


def order(outlet: Outlet) -> str:
    return "".join(tag for tag, _, _, _ in outlet.deliveries)


# In words


def test_what_is_taken_comes_in_order_with_rising_positions() -> None:
    queue = Queue("tasks")
    queue.extend(messages(3))
    assert [queue.take() for _ in range(4)] == [
        (1, message("1"), False),
        (2, message("2"), False),
        (3, message("3"), False),
        None,
    ]


def test_what_comes_back_takes_its_original_place() -> None:
    queue = Queue("tasks")
    queue.extend(messages(6))
    taken = [found for _ in range(5) if (found := queue.take())]
    queue.requeue([taken[3][:2]])
    queue.requeue([taken[1][:2]])
    assert [(position, redelivered) for position, _, redelivered in queue.messages()] == [
        (2, True),
        (4, True),
        (6, False),
    ]


def test_purge_drops_what_waits_and_not_what_clients_hold() -> None:
    queue = Queue("tasks")
    queue.extend(messages(5))
    held, back, _ = queue.take(), queue.take(), queue.take()
    assert held and back
    queue.requeue([back[:2]])
    assert queue.purge() == 3
    queue.extend(messages(1, 6))
    queue.requeue([held[:2]])
    assert [(position, body) for position, (_, _, body, _), _ in queue.messages()] == [(1, b"1"), (6, b"6")]


def test_nothing_comes_back_to_a_deleted_queue() -> None:
    queue = Queue("tasks")
    queue.extend(messages(2))
    queue.take()
    assert queue.delete() == 1
    queue.requeue([(1, message("1"))])
    assert (queue.deleted, queue.message_count, queue.held_bytes) == (True, 0, 0)


def test_a_message_takes_its_body_and_what_a_message_takes() -> None:
    assert size_of([message("12345"), message("")]) == 5 + 2 * MESSAGE_OVERHEAD_BYTES
    assert size_of(UniformRun(b"", b"header", [b"123", b"456"], 0)) == 6 + 2 * MESSAGE_OVERHEAD_BYTES


def test_a_queue_in_memory_gives_everything_out_at_once() -> None:
    queue = Queue("tasks")
    queue.extend(messages(1))
    found = queue.take()
    assert found is not None and queue.may_hand_out(found[0], found[1])
    assert queue.log is None


def test_consumers_of_one_connection_take_turns() -> None:
    queue = Queue("tasks")
    outlet, _ = consumers_on_one_connection(queue, "abc")
    for number in range(7):
        queue.extend(messages(1, number))
    assert order(outlet) == "abcabca"


def test_a_batch_is_given_out_in_the_same_turns() -> None:
    queue = Queue("tasks")
    outlet, _ = consumers_on_one_connection(queue, "abc")
    queue.extend(messages(7))
    assert order(outlet) == "abcabca"
    assert outlet.bodies == [str(number) for number in range(1, 8)]


def test_connections_are_given_whole_rounds_of_a_batch() -> None:
    queue = Queue("tasks")
    outlets = [Outlet() for _ in "abc"]
    for tag, outlet in zip("abc", outlets, strict=True):
        subscribe(queue, tag, outlet)
    queue.extend(messages(7))
    assert [outlet.bodies for outlet in outlets] == [["1", "4", "7"], ["2", "5"], ["3", "6"]]


def test_the_first_consumer_without_prefetch_takes_the_whole_backlog() -> None:
    queue = Queue("tasks")
    queue.extend(messages(5))
    first, second = Outlet(), Outlet()
    subscribe(queue, "a", first)
    subscribe(queue, "b", second)
    assert (first.bodies, second.bodies) == (["1", "2", "3", "4", "5"], [])


def test_prefetch_is_filled_and_the_rest_waits() -> None:
    queue = Queue("tasks")
    outlet, _ = consumers_on_one_connection(queue, "ab", prefetch=2)
    queue.extend(messages(6))
    assert order(outlet) == "abab"
    assert (queue.message_count, queue.unacked) == (2, 4)


def test_who_was_out_of_credit_goes_on_at_the_end_of_the_round() -> None:
    queue = Queue("tasks")
    outlet, (a, b, c) = consumers_on_one_connection(queue, "abc", prefetch=2)
    queue.extend(messages(7))
    for consumer, count in ((c, 2), (b, 2), (a, 1)):
        queue.settle(consumer, count)
        queue.drain()
    queue.extend(messages(4, 8))
    assert order(outlet) == "abcabc" + "c" + "cbab"


def test_higher_priorities_are_filled_first() -> None:
    queue = Queue("tasks")
    outlet = Outlet()
    for tag, priority in (("l", -1), ("d", 0), ("h", 5), ("i", 5)):
        subscribe(queue, tag, outlet, prefetch=2, priority=priority)
    queue.extend(messages(8))
    assert order(outlet) == "hihiddll"


def test_a_consumer_without_acknowledgement_has_no_prefetch() -> None:
    queue = Queue("tasks")
    outlet = Outlet()
    subscribe(queue, "a", outlet, prefetch=1, no_ack=True)
    queue.extend(messages(5))
    assert len(outlet.deliveries) == 5
    assert queue.unacked == 0


def test_a_prefetch_for_the_channel_is_shared_by_its_consumers() -> None:
    queue = Queue("tasks")
    budget, outlet = ChannelBudget(), Outlet()
    budget.credit = 3
    a = subscribe(queue, "a", outlet, budget=budget)
    subscribe(queue, "b", outlet, budget=budget)
    queue.extend(messages(5))
    assert order(outlet) == "aba"
    queue.settle(a, 1)
    assert budget.credit == 1


def test_a_cancelled_consumer_gets_no_more_and_what_it_has_may_be_settled() -> None:
    queue = Queue("tasks")
    outlet = Outlet()
    consumer = subscribe(queue, "a", outlet, prefetch=1)
    queue.extend(messages(2))
    queue.remove_consumer(consumer)
    queue.settle(consumer, 1)
    queue.drain()
    assert (outlet.bodies, queue.unacked, queue.message_count, queue.levels) == (["1"], 0, 1, {})


def test_the_exclusive_consumer_is_the_one_that_says_so() -> None:
    queue = Queue("tasks")
    assert queue.exclusive_consumer is None
    consumer = Consumer("a", queue, Outlet(), ChannelBudget(), number=1, exclusive=True)
    queue.add_consumer(consumer)
    assert queue.exclusive_consumer is consumer


def test_resting_publishers_are_woken_when_the_backlog_is_short() -> None:
    queue = Queue("tasks")
    woken: list[str] = []
    queue.extend(messages(BACKLOG_LOW_MESSAGES + 2))
    queue.resting.append(lambda: woken.append("publisher"))
    subscribe(queue, "a", prefetch=1)
    assert woken == []
    subscribe(queue, "b", prefetch=1)
    queue.drain()
    assert woken == ["publisher"]
    assert queue.resting == []


def test_a_drain_ends_when_the_connection_has_had_a_turns_octets() -> None:
    queue = Queue("tasks")
    outlet = Outlet(full_after=1)
    queue.extend([message("x" * (OUTBOX_MAX_BYTES // 4))] * 50)
    subscribe(queue, "a", outlet)
    assert len(outlet.deliveries) == 5
    assert queue.message_count == 45


def test_one_message_of_more_than_a_turns_octets_goes_out() -> None:
    queue = Queue("tasks")
    outlet = Outlet()
    queue.extend([message("x" * (OUTBOX_MAX_BYTES + 1))] * 3)
    subscribe(queue, "a", outlet)
    assert len(outlet.deliveries) == 3


def test_a_long_backlog_goes_out_in_order_over_many_rounds() -> None:
    queue = Queue("tasks")
    count = 2 * DRAIN_MAX_MESSAGES + 7
    queue.extend(messages(count))
    outlet = Outlet()
    subscribe(queue, "a", outlet)
    assert outlet.bodies == [str(number) for number in range(1, count + 1)]
    assert [position for _, position, _, _ in outlet.deliveries] == list(range(1, count + 1))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans(), st.integers(1, 30)), max_size=5),
    st.integers(0, 90),
    st.booleans(),
)
def test_connections_that_fill_up_in_the_middle_lose_nothing(
    consumers: list[tuple[int, int, bool, int]], count: int, backlog_first: bool
) -> None:
    """consumers: (prefetch, priority, no_ack, full after so many messages)"""
    queue = Queue("tasks")
    outlets = [Outlet(full_after) for _, _, _, full_after in consumers]
    if backlog_first:
        queue.extend(messages(count))
    for number, (prefetch, priority, no_ack, _) in enumerate(consumers):
        subscribe(queue, str(number), outlets[number], prefetch=prefetch, priority=priority, no_ack=no_ack)
    if not backlog_first:
        queue.extend(messages(count))
    given = [position for outlet in outlets for _, position, _, _ in outlet.deliveries]
    waiting = [position for position, _, _ in queue.messages()]
    assert sorted(given) + waiting == list(range(1, count + 1))
    for outlet in outlets:
        assert [int(body) for body in outlet.bodies] == [position for _, position, _, _ in outlet.deliveries]
        assert outlet.deliveries == sorted(outlet.deliveries, key=lambda delivery: delivery[1])


# Beside a list


class NaiveConsumer:
    def __init__(self, real: Consumer, outlet: int) -> None:
        self.real = real
        self.outlet = outlet
        self.held: list[tuple[int, str]] = []


class QueueBesideAList(RuleBasedStateMachine):
    """The model gives out one message at a time, and looks for everything in lists."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = Queue("tasks")
        self.outlets = [Outlet() for _ in range(3)]
        # Two channels on the first connection, one on each of the others; one has a prefetch of its own.
        self.channels = [(ChannelBudget(), outlet) for outlet in (0, 0, 1, 2)]
        self.channels[1][0].credit = 3
        self.model_credit = [UNLIMITED, 3, UNLIMITED, UNLIMITED]
        self.expected: list[list[Delivery]] = [[], [], []]
        self.waiting: list[tuple[int, str, bool]] = []
        self.consumers: list[NaiveConsumer] = []
        self.gone: list[NaiveConsumer] = []
        self.round: list[NaiveConsumer] = []
        self.got: list[tuple[int, Message]] = []
        self.next_position = 1
        self.next_tag = 1

    # The model

    def room(self, consumer: NaiveConsumer) -> bool:
        budget = consumer.real.budget
        channel = next(number for number, (one, _) in enumerate(self.channels) if one is budget)
        return budget.writable and (
            consumer.real.no_ack
            or (
                (not consumer.real.prefetch or len(consumer.held) < consumer.real.prefetch)
                and self.model_credit[channel] > 0
            )
        )

    def spend(self, consumer: NaiveConsumer, count: int) -> None:
        for number, (budget, _) in enumerate(self.channels):
            if budget is consumer.real.budget:
                self.model_credit[number] -= count

    def join(self, consumer: NaiveConsumer) -> None:
        if consumer in self.consumers and consumer not in self.round and self.room(consumer):
            self.round.append(consumer)

    def dispatch(self) -> None:
        while self.waiting and self.round:
            highest = max(consumer.real.priority for consumer in self.round)
            consumer = next(one for one in self.round if one.real.priority == highest)
            self.round.remove(consumer)
            if not self.room(consumer):
                continue
            self.round.append(consumer)
            position, body, redelivered = self.waiting.pop(0)
            self.expected[consumer.outlet].append(Delivery((consumer.real.tag, position, body.encode(), redelivered)))
            if not consumer.real.no_ack:
                consumer.held.append((position, body))
                self.spend(consumer, 1)

    # What happens

    @rule(count=st.sampled_from([1, 2, 3, 7, 20]))
    def publish(self, count: int) -> None:
        self.queue.extend(messages(count, self.next_position))
        self.waiting += [(self.next_position + one, str(self.next_position + one), False) for one in range(count)]
        self.next_position += count
        self.dispatch()

    @rule(
        channel=st.integers(0, 3),
        prefetch=st.sampled_from([0, 1, 2, 5]),
        priority=st.sampled_from([0, 0, 3]),
        no_ack=st.booleans(),
    )
    @precondition(lambda self: len(self.consumers) < 6)
    def consume(self, channel: int, prefetch: int, priority: int, no_ack: bool) -> None:
        budget, outlet = self.channels[channel]
        real = subscribe_only(self.queue, str(self.next_tag), self.outlets[outlet], budget, prefetch, priority, no_ack)
        self.next_tag += 1
        consumer = NaiveConsumer(real, outlet)
        self.consumers.append(consumer)
        self.join(consumer)
        self.queue.drain()
        self.dispatch()

    @rule(data=st.data())
    @precondition(lambda self: self.consumers)
    def cancel(self, data: st.DataObject) -> None:
        consumer = data.draw(st.sampled_from(self.consumers))
        self.queue.remove_consumer(consumer.real)
        self.consumers.remove(consumer)
        self.gone.append(consumer)
        if consumer in self.round:
            self.round.remove(consumer)

    @rule(data=st.data(), requeue=st.booleans())
    @precondition(lambda self: any(consumer.held for consumer in self.consumers + self.gone))
    def settle(self, data: st.DataObject, requeue: bool) -> None:
        consumer = data.draw(st.sampled_from([one for one in self.consumers + self.gone if one.held]))
        settled = data.draw(st.lists(st.sampled_from(consumer.held), min_size=1, unique=True))
        if requeue:
            self.queue.requeue([(position, message(body)) for position, body in settled])
            self.waiting = sorted(self.waiting + [(position, body, True) for position, body in settled])
        self.queue.settle(consumer.real, len(settled))
        consumer.held = [one for one in consumer.held if one not in settled]
        self.spend(consumer, -len(settled))
        self.join(consumer)
        self.queue.drain()
        self.dispatch()

    @rule()
    def get(self) -> None:
        found = self.queue.take()
        expected = self.waiting.pop(0) if self.waiting else None
        assert (found and (found[0], found[1][2].decode(), found[2])) == expected
        if found:
            self.got.append(found[:2])

    @rule()
    @precondition(lambda self: self.got)
    def give_back_what_was_got(self) -> None:
        self.queue.requeue(self.got)
        self.waiting = sorted(
            self.waiting + [(position, body.decode(), True) for position, (_, _, body, _) in self.got]
        )
        self.got = []
        self.queue.drain()
        self.dispatch()

    @rule()
    def purge(self) -> None:
        assert self.queue.purge() == len(self.waiting)
        self.waiting = []

    @rule(outlet=st.integers(0, 2))
    def connection_is_full(self, outlet: int) -> None:
        for budget, own in self.channels:
            if own == outlet:
                budget.writable = False

    @rule(outlet=st.integers(0, 2))
    def connection_takes_more(self, outlet: int) -> None:
        for budget, own in self.channels:
            if own == outlet:
                budget.writable = True
        for consumer in self.consumers:
            if consumer.outlet == outlet:
                self.queue.ready_to_take(consumer.real)
                self.join(consumer)
        self.queue.drain()
        self.dispatch()

    # What holds

    @invariant()
    def every_connection_was_given_the_same(self) -> None:
        assert [outlet.deliveries for outlet in self.outlets] == self.expected

    @invariant()
    def the_same_waits(self) -> None:
        found = [
            (position, body.decode(), redelivered) for position, (_, _, body, _), redelivered in self.queue.messages()
        ]
        assert found == self.waiting
        assert self.queue.message_count == len(self.waiting)
        assert self.queue.held_bytes == size_of([message(body) for _, body, _ in self.waiting])

    @invariant()
    def the_counts_are_right(self) -> None:
        assert self.queue.unacked == sum(len(consumer.held) for consumer in self.consumers + self.gone)
        for consumer in self.consumers + self.gone:
            assert consumer.real.outstanding == len(consumer.held)


def subscribe_only(
    queue: Queue, tag: str, outlet: Outlet, budget: ChannelBudget, prefetch: int, priority: int, no_ack: bool
) -> Consumer:
    """Without the drain."""
    consumer = Consumer(tag, queue, outlet, budget, number=1, no_ack=no_ack, prefetch=prefetch, priority=priority)
    queue.add_consumer(consumer)
    return consumer


TestQueueBesideAList = QueueBesideAList.TestCase
TestQueueBesideAList.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


def test_a_paused_queue_gives_nothing_to_consumers_until_it_is_resumed() -> None:
    queue, outlet = Queue("tasks"), Outlet()
    subscribe(queue, "a", outlet)
    queue.pause()
    queue.extend(messages(3))
    assert outlet.deliveries == [] and queue.message_count == 3
    queue.resume()
    assert [body for _, _, body, _ in outlet.deliveries] == [b"1", b"2", b"3"]


def test_who_begins_to_consume_from_a_paused_queue_waits_too() -> None:
    queue, outlet = Queue("tasks"), Outlet()
    queue.extend(messages(1))
    queue.pause()
    subscribe(queue, "a", outlet)
    queue.drain()
    assert outlet.deliveries == []


def test_a_look_begins_behind_so_many_and_takes_nothing() -> None:
    queue = Queue("tasks")
    queue.extend(messages(4))
    first = queue.take()
    assert first is not None
    queue.requeue([first[:2]])
    looked_at = [(message[2], redelivered) for _, message, redelivered in queue.peek(0, 2)]
    assert looked_at == [(b"1", True), (b"2", False)]
    assert [message[2] for _, message, _ in queue.peek(2, 9)] == [b"3", b"4"]
    assert queue.message_count == 4
