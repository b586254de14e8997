"""Publisher confirms: numbers, as few acks as will do, and none before what it is for is on disk."""

import time

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from amqpbroker.session.confirms import Confirms
from amqpbroker.wire.methods import Basic, Channel, Confirm, Method, Queue, encode_frame
from tests.helpers.durable import durable_client, publish, server_of
from tests.helpers.durable import publishes as publishes_in
from tests.helpers.sessions import consume, opened, with_queue
from tests.helpers.wire_client import FrameReader, Received, WireClient, publish_octets


def confirming() -> WireClient:
    client = with_queue()
    client.send(1, Confirm.Select(nowait=True))
    return client


def publishes(count: int) -> bytes:
    return publish_octets(1, Basic.Publish(routing_key="tasks"), b"body") * count


def test_nothing_published_is_nothing_confirmed() -> None:
    assert Confirms(1).take_frames(0) == b""


def test_one_is_confirmed_alone_and_many_at_once() -> None:
    confirms = Confirms(3)
    confirms.add(1)
    assert confirms.take_frames(0) == encode_frame(3, Basic.Ack(delivery_tag=1))
    confirms.add(4)
    assert confirms.take_frames(0) == encode_frame(3, Basic.Ack(delivery_tag=5, multiple=True))
    assert confirms.take_frames(0) == b""


def test_numbers_count_from_1_and_a_second_select_does_not_start_anew() -> None:
    client = confirming()
    client.feed(publishes(3))
    client.send(1, Confirm.Select(nowait=True))
    client.feed(publishes(1))
    assert client.methods() == [Basic.Ack(delivery_tag=3, multiple=True), Basic.Ack(delivery_tag=4)]


def test_what_was_published_before_has_no_number() -> None:
    client = with_queue()
    client.feed(publishes(3))
    client.send(1, Confirm.Select(nowait=True))
    client.feed(publishes(1))
    assert client.methods() == [Basic.Ack(delivery_tag=1)]


def test_what_follows_in_the_read_of_the_select_has_numbers() -> None:
    client = with_queue()
    client.feed(publishes(2))
    client.feed(publishes(2) + encode_frame(1, Confirm.Select(nowait=True)) + publishes(2))
    assert client.methods() == [Basic.Ack(delivery_tag=2, multiple=True)]


def test_a_message_without_a_queue_is_confirmed() -> None:
    client = confirming()
    client.publish(1, "amq.direct", "nowhere", b"body")
    assert client.methods() == [Basic.Ack(delivery_tag=1)]


def test_a_return_comes_before_its_confirm() -> None:
    client = confirming()
    client.publish(1, "amq.direct", "nowhere", b"body", mandatory=True)
    returned, confirmed = client.methods()
    assert isinstance(returned, Basic.Return)
    assert confirmed == Basic.Ack(delivery_tag=1)


def test_what_is_taken_care_of_is_confirmed_before_its_channel_ends() -> None:
    client = confirming()
    client.feed(publishes(2) + encode_frame(1, Channel.Close()))
    assert client.methods() == [Basic.Ack(delivery_tag=2, multiple=True), Channel.CloseOk()]


def test_what_is_at_fault_is_not_confirmed() -> None:
    client = confirming()
    client.feed(publishes(2) + publish_octets(1, Basic.Publish(exchange="missing"), b"body"))
    confirmed, closed = client.methods()
    assert confirmed == Basic.Ack(delivery_tag=2, multiple=True)
    assert isinstance(closed, Channel.Close)


def test_a_channel_opened_again_counts_anew() -> None:
    client = confirming()
    client.feed(publishes(2) + encode_frame(1, Channel.Close()))
    client.take()
    client.open_channel(1)
    client.feed(publishes(1))
    assert client.take() == []
    client.send(1, Confirm.Select(nowait=True))
    client.feed(publishes(1))
    assert client.methods() == [Basic.Ack(delivery_tag=1)]


# What waits for the disk


def told(confirms: Confirms, done_number: int) -> list[Method]:
    return [
        event.method for event in FrameReader().read(confirms.take_frames(done_number)) if isinstance(event, Received)
    ]


def ack(number: int, *, multiple: bool = False) -> Method:
    return Basic.Ack(delivery_tag=number, multiple=multiple)


def test_what_waits_is_told_when_the_journal_has_written_so_far() -> None:
    confirms = Confirms(1)
    confirms.wait(2, 7)
    confirms.wait(1, 8)
    assert told(confirms, 6) == []
    assert told(confirms, 7) == [ack(2, multiple=True)]
    assert told(confirms, 8) == [ack(3)]


def test_numbers_behind_one_that_waits_are_told_singly_and_none_of_them_twice() -> None:
    confirms = Confirms(1)
    confirms.add(1)
    confirms.wait(1, 7)
    confirms.add(2)
    assert told(confirms, 6) == [ack(1), ack(3), ack(4)]
    assert told(confirms, 6) == []
    assert told(confirms, 7) == [ack(2)]


def test_what_stood_behind_joins_the_others_when_the_wait_is_over_before_it_was_told() -> None:
    confirms = Confirms(1)
    confirms.wait(1, 7)
    confirms.add(2)
    confirms.wait(1, 8)
    assert told(confirms, 7) == [ack(3, multiple=True)]


def test_what_is_given_up_is_never_told() -> None:
    confirms = Confirms(1)
    confirms.wait(2, 7)
    confirms.add(1)
    assert told(confirms, 6) == [ack(3)]
    confirms.wait(1, 8)
    assert confirms.give_up() == [(1, 2), (4, 4)]
    assert told(confirms, 8) == []
    confirms.add(1)
    assert told(confirms, 8) == [ack(5)]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["add", "wait"]), st.integers(1, 4)),
            st.just(("close", 0)),
            st.just(("written", 0)),
        )
    )
)
def test_every_number_is_told_once_when_it_may_and_none_before(steps: list[tuple[str, int]]) -> None:
    confirms = Confirms(1)
    needed: list[int] = []
    known: set[int] = set()
    opened_number, done_number = 1, 0
    for step, count in [*steps, ("close", 0), ("written", 0)]:
        match step:
            case "add":
                confirms.add(count)
                needed += [0] * count
            case "wait":
                confirms.wait(count, opened_number)
                needed += [opened_number] * count
            case "close":
                opened_number += 1
            case "written":
                done_number = opened_number - 1
        for method in told(confirms, done_number):
            assert isinstance(method, Basic.Ack)
            first = 1 if method.multiple else method.delivery_tag
            news = set(range(first, method.delivery_tag + 1)) - known
            assert method.delivery_tag in news or method.multiple
            assert news and all(needed[number - 1] <= done_number for number in news)
            known |= news
        assert known == {number for number, after in enumerate(needed, 1) if after <= done_number}


# What a queue did not take


def nack(number: int) -> Method:
    return Basic.Nack(delivery_tag=number, requeue=True)


def test_what_was_refused_is_told_at_once_and_before_the_acks_that_go_over_it() -> None:
    confirms = Confirms(1)
    confirms.add(1)
    confirms.refuse()
    confirms.add(2)
    assert told(confirms, 0) == [nack(2), ack(4, multiple=True)]
    assert told(confirms, 0) == []


def test_what_was_refused_last_is_in_no_ack() -> None:
    confirms = Confirms(1)
    confirms.add(2)
    confirms.refuse()
    confirms.refuse()
    assert told(confirms, 0) == [nack(3), nack(4), ack(2, multiple=True)]
    confirms.add(1)
    assert told(confirms, 0) == [ack(5)]


def test_what_was_refused_behind_what_waits_is_told_before_that() -> None:
    confirms = Confirms(1)
    confirms.wait(1, 7)
    confirms.refuse()
    confirms.wait(1, 7)
    assert told(confirms, 6) == [nack(2)]
    assert told(confirms, 7) == [ack(3, multiple=True)]


def test_many_that_were_refused_are_told_in_no_time() -> None:
    confirms = Confirms(1)
    for _ in range(20_000):
        confirms.refuse()
    # Of this process alone, whatever else the machine does.
    began_s = time.process_time()
    assert told(confirms, 0) == [nack(number) for number in range(1, 20_001)]
    assert time.process_time() - began_s < 2


class Publishing(RuleBasedStateMachine):
    """Messages that need nothing, wait for the journal, or are refused; what their publisher knows of them."""

    @initialize()
    def begin(self) -> None:
        self.confirms = Confirms(1)
        self.open_number, self.done_number = 1, 0
        # Number → what it is told, and what has to be on disk before.
        self.fate: dict[int, tuple[str, int]] = {}
        self.known: dict[int, str] = {}

    def published(self, count: int, kind: str, after: int = 0) -> None:
        first = len(self.fate) + 1
        self.fate |= {number: (kind, after) for number in range(first, first + count)}
        assert self.confirms.published == len(self.fate)

    @rule(count=st.integers(1, 3))
    def needs_nothing(self, count: int) -> None:
        self.confirms.add(count)
        self.published(count, "ack")

    @rule(count=st.integers(1, 3))
    def waits(self, count: int) -> None:
        self.confirms.wait(count, self.open_number)
        self.published(count, "ack", self.open_number)

    @rule()
    def is_refused(self) -> None:
        self.confirms.refuse()
        self.published(1, "nack")

    @rule()
    def a_commit_begins(self) -> None:
        self.open_number += 1

    @rule()
    def all_is_written(self) -> None:
        self.done_number = self.open_number - 1

    @rule()
    def tell(self) -> None:
        """Every number gets one answer, the right one, and as soon as it may; none that may not."""
        for method in told(self.confirms, self.done_number):
            assert isinstance(method, Basic.Ack | Basic.Nack)
            tag, kind = method.delivery_tag, "ack" if isinstance(method, Basic.Ack) else "nack"
            numbers = range(1, tag + 1) if method.multiple else range(tag, tag + 1)
            news = {number: kind for number in numbers if number not in self.known}
            assert tag in news or method.multiple
            assert news
            self.known |= news
        due = {number: kind for number, (kind, after) in self.fate.items() if after <= self.done_number}
        assert self.known == due

    def teardown(self) -> None:
        if hasattr(self, "confirms"):
            self.a_commit_begins()
            self.all_is_written()
            self.tell()
            assert self.known == {number: kind for number, (kind, _) in self.fate.items()}
            assert told(self.confirms, self.done_number) == []


TestPublishing = Publishing.TestCase
TestPublishing.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)


def test_a_persistent_message_in_a_durable_queue_is_confirmed_when_it_is_on_disk() -> None:
    client = confirming_on_disk()
    publish(client, "1", "2")
    assert client.take() == []
    server_of(client).commit_one()
    assert client.methods() == [ack(2, multiple=True)]
    assert server_of(client).after_a_power_cut().queue().message_count == 2


def confirming_on_disk() -> WireClient:
    client = durable_client()
    client.send(1, Confirm.Select(nowait=True))
    return client


def test_what_is_published_while_a_commit_is_under_way_waits_for_the_next() -> None:
    client = confirming_on_disk()
    publish(client, "1")
    publish(client, "2", "3")
    server_of(client).commit_one()
    assert client.methods() == [ack(1)]
    server_of(client).commit_one()
    assert client.methods() == [ack(3, multiple=True)]


def test_what_is_not_written_is_confirmed_at_once_even_behind_what_waits() -> None:
    client = confirming_on_disk()
    publish(client, "1")
    client.publish(1, "", "tasks", b"transient")
    publish(client, "3", name="nowhere")
    client.send(1, Queue.Declare(queue="memory", nowait=True))
    publish(client, "4", name="memory")
    assert client.methods() == [ack(2), ack(3), ack(4)]
    server_of(client).commit()
    assert client.methods() == [ack(1)]


def test_a_message_that_waits_in_one_of_its_queues_waits() -> None:
    client = confirming_on_disk()
    client.send(1, Queue.Declare(queue="memory", nowait=True))
    for name in ("tasks", "memory"):
        client.send(1, Queue.Bind(queue=name, exchange="amq.fanout", nowait=True))
    server_of(client).commit()
    publish(client, "1", exchange="amq.fanout")
    assert client.take() == []
    server_of(client).commit()
    assert client.methods() == [ack(1)]


def test_a_message_that_is_consumed_before_it_was_written_is_confirmed_and_never_is() -> None:
    client = confirming_on_disk()
    consume(client, "ctag", no_ack=True)
    client.take()
    publish(client, "1")
    commit = server_of(client).in_flight
    assert commit is not None and publishes_in(commit) == []
    server_of(client).commit()
    assert ack(1) in client.methods()
    assert server_of(client).after_a_kill().queue().message_count == 0


def test_a_return_comes_before_its_confirm_while_others_wait() -> None:
    client = confirming_on_disk()
    publish(client, "1")
    client.publish(1, "", "nowhere", b"2", mandatory=True, delivery_mode=2)
    returned, confirmed = client.methods()
    assert isinstance(returned, Basic.Return)
    assert confirmed == ack(2)


def test_a_channel_that_is_closed_is_told_nothing_that_is_not_on_disk() -> None:
    client = confirming_on_disk()
    publish(client, "1")
    client.send(1, Channel.Close())
    assert client.methods() == [Channel.CloseOk()]
    server_of(client).commit()
    assert client.take() == []


def test_a_client_that_is_gone_when_its_commit_is_written_takes_nothing_with_it() -> None:
    client = confirming_on_disk()
    other = opened(client.server)
    other.send(1, Confirm.Select(nowait=True))
    publish(client, "1")
    publish(other, "2")
    client.vanish()
    server_of(client).commit()
    assert other.methods() == [ack(1)]


# When the disk has failed


def test_what_waits_for_a_disk_that_has_failed_is_told_to_be_lost_one_by_one() -> None:
    client = confirming_on_disk()
    publish(client, "1", "2")
    client.publish(1, "", "tasks", b"transient")
    publish(client, "4")
    assert client.methods() == [ack(3)]
    client.session.nack_waiting()
    client.server.finish_turn()
    assert client.methods() == [Basic.Nack(delivery_tag=number) for number in (1, 2, 4)]


def test_what_was_taken_care_of_and_not_told_yet_is_told_before_the_others_are_given_up() -> None:
    client = confirming_on_disk()
    client.connection.feed(publishes(1), client.clock.seconds)
    client.connection.feed(
        publish_octets(1, Basic.Publish(routing_key="tasks"), b"2", delivery_mode=2), client.clock.seconds
    )
    client.connection.feed(publishes(1), client.clock.seconds)
    client.session.nack_waiting()
    client.server.finish_turn()
    assert sorted(client.methods(), key=lambda method: method.delivery_tag) == [
        ack(1),
        Basic.Nack(delivery_tag=2),
        ack(3),
    ]
