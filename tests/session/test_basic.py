"""basic.*: qos, consume, cancel, get, and what is done with what was delivered."""

import pytest

from amqpbroker.errors import ACCESS_REFUSED, NOT_ALLOWED, NOT_FOUND, NOT_IMPLEMENTED, PRECONDITION_FAILED
from amqpbroker.wire.methods import Basic, Channel, Queue, encode_frame
from amqpbroker.wire.tables import Field
from tests.helpers.durable import durable_client, publish, server_of
from tests.helpers.sessions import (
    bodies,
    consume,
    deliveries,
    fault,
    opened,
    publish_numbers,
    waiting,
    with_queue,
)
from tests.helpers.wire_client import Received, WireClient, publish_octets

# qos


def test_a_prefetch_is_for_consumers_started_later() -> None:
    client = with_queue(count=5)
    consume(client, "before")
    assert bodies(client) == "1 2 3 4 5"
    client.send(1, Basic.Qos(prefetch_count=2))
    consume(client, "after")
    client.send(1, Basic.Cancel(consumer_tag="before", nowait=True))
    client.send(1, Basic.Nack(delivery_tag=0, multiple=True, requeue=True))
    assert bodies(client) == "1 2"


def test_a_prefetch_is_filled_again_by_each_acknowledgement() -> None:
    client = with_queue(count=5)
    client.send(1, Basic.Qos(prefetch_count=2))
    consume(client, "ctag")
    assert bodies(client) == "1 2"
    client.send(1, Basic.Ack(delivery_tag=1))
    assert bodies(client) == "3"
    client.send(1, Basic.Ack(delivery_tag=3, multiple=True))
    assert bodies(client) == "4 5"


@pytest.mark.parametrize(("profile", "delivered"), [("3.13", "1 2 3"), ("4.2", "1 2 3"), ("4.3", "1 2 3 4 5 6")])
def test_a_global_prefetch_is_one_for_the_channel_but_since_4_3_one_for_each_consumer(
    profile: str, delivered: str
) -> None:
    client = opened(profile=profile)
    client.send(1, Queue.Declare(queue="tasks", durable=True))
    client.send(1, Basic.Qos(prefetch_count=3, global_=True))
    consume(client, "a")
    consume(client, "b")
    publish_numbers(client, 9)
    assert bodies(client) == delivered


def test_a_global_prefetch_counts_what_consumers_have_and_not_what_was_got() -> None:
    client = with_queue(count=9)
    client.send(1, *[Basic.Get(queue="tasks")] * 2, Basic.Qos(prefetch_count=3, global_=True))
    consume(client, "ctag")
    client.send(1, Basic.Qos(prefetch_count=4, global_=True))
    assert bodies(client) == "3 4 5 6"


@pytest.mark.parametrize("global_", [False, True])
def test_no_prefetch_wakes_who_waited_for_credit_of_the_channel(global_: bool) -> None:
    client = with_queue(count=5)
    client.send(1, Basic.Qos(prefetch_count=1, global_=True))
    consume(client, "ctag")
    assert bodies(client) == "1"
    client.send(1, Basic.Qos(prefetch_count=0, global_=global_))
    assert client.received[0] == Received(1, Basic.QosOk())
    assert bodies(client) == "2 3 4 5"


def test_credit_of_the_channel_that_one_consumer_frees_goes_to_its_sibling_too() -> None:
    client = with_queue(count=20)
    client.send(1, Queue.Declare(queue="other"), Basic.Qos(prefetch_count=2, global_=True))
    publish_numbers(client, 20, 21, name="other")
    consume(client, "a")
    consume(client, "b", name="other")
    assert bodies(client) == "1 2"
    received = []
    for tag in range(1, 9):
        client.send(1, Basic.Ack(delivery_tag=tag))
        received += deliveries(client)
    assert {consumer for consumer, _, _, _ in received} == {"a", "b"}
    assert len(received) == 8


def test_less_prefetch_than_is_outstanding_waits_until_it_is_settled() -> None:
    client = with_queue(count=5)
    client.send(1, Basic.Qos(prefetch_count=3, global_=True))
    consume(client, "ctag")
    client.send(1, Basic.Qos(prefetch_count=1, global_=True))
    client.take()
    for tag, expected in ((1, ""), (2, ""), (3, "4")):
        client.send(1, Basic.Ack(delivery_tag=tag))
        assert bodies(client) == expected


def test_a_prefetch_in_octets_is_refused() -> None:
    text = "NOT_IMPLEMENTED - prefetch_size!=0 (5)"
    assert fault(opened(), 1, Basic.Qos(prefetch_size=5)) == (NOT_IMPLEMENTED, text)


# consume and cancel


def test_the_answer_to_consume_comes_before_the_first_delivery() -> None:
    client = with_queue(count=1)
    client.send(1, Basic.Consume(queue="tasks", consumer_tag="mine"))
    answer, delivery = client.take()
    assert isinstance(answer, Received) and isinstance(delivery, Received)
    assert answer.method == Basic.ConsumeOk(consumer_tag="mine")
    assert delivery.method == Basic.Deliver(consumer_tag="mine", delivery_tag=1, routing_key="tasks")


def test_a_consumer_without_a_tag_is_given_one() -> None:
    answer = with_queue().call(1, Basic.Consume(queue="tasks"))
    assert isinstance(answer, Basic.ConsumeOk)
    assert answer.consumer_tag.startswith("amq.ctag-")


def test_a_tag_names_one_consumer_of_a_channel_at_a_time() -> None:
    client = with_queue()
    client.open_channel(2)
    consume(client, "mine")
    consume(client, "mine", channel=2)
    client.send(1, Basic.Cancel(consumer_tag="mine"))
    consume(client, "mine")
    refused = fault(client, 1, Basic.Consume(queue="tasks", consumer_tag="mine"))
    assert refused == (NOT_ALLOWED, "NOT_ALLOWED - attempt to reuse consumer tag 'mine'")


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True)])
def test_an_exclusive_consumer_is_alone(first: bool, second: bool) -> None:
    client = with_queue()
    consume(client, "a", exclusive=first)
    refused = fault(client, 1, Basic.Consume(queue="tasks", exclusive=second))
    assert refused == (ACCESS_REFUSED, "ACCESS_REFUSED - queue 'tasks' in vhost '/' in exclusive use")


def test_after_an_exclusive_consumer_comes_another() -> None:
    client = with_queue()
    consume(client, "a", exclusive=True)
    client.send(1, Basic.Cancel(consumer_tag="a", nowait=True))
    assert client.call(1, Basic.Consume(queue="tasks", consumer_tag="b")) == Basic.ConsumeOk(consumer_tag="b")


def test_a_priority_is_read_from_the_arguments() -> None:
    client = with_queue()
    consume(client, "low")
    consume(client, "high", arguments={"x-priority": Field("I", 5)})
    publish_numbers(client, 2)
    assert [consumer for consumer, _, _, _ in deliveries(client)] == ["high", "high"]


def test_a_cancelled_consumer_gets_no_more_and_its_messages_may_still_be_acknowledged() -> None:
    client = with_queue(count=1)
    consume(client, "ctag")
    assert client.call(1, Basic.Cancel(consumer_tag="ctag")) == Basic.CancelOk(consumer_tag="ctag")
    publish_numbers(client, 1, 2)
    client.send(1, Basic.Ack(delivery_tag=1))
    assert client.take() == []
    assert waiting(client) == [(b"2", False)]
    assert client.vhost.queues["tasks"].unacked == 0


def test_cancelling_what_is_not_there_is_no_error() -> None:
    assert opened().call(1, Basic.Cancel(consumer_tag="none")) == Basic.CancelOk(consumer_tag="none")


# get


def test_get_takes_one_message_and_tells_how_many_are_left() -> None:
    client = with_queue(count=3)
    client.send(1, Basic.Get(queue="tasks"))
    (event,) = client.take()
    assert isinstance(event, Received)
    assert (event.method, event.body) == (
        Basic.GetOk(delivery_tag=1, exchange="", routing_key="tasks", message_count=2),
        b"1",
    )


def test_get_from_an_empty_queue_says_so() -> None:
    assert with_queue().call(1, Basic.Get(queue="tasks")) == Basic.GetEmpty()


def test_what_was_got_and_not_acknowledged_goes_back_with_the_channel() -> None:
    client = with_queue(count=2)
    client.send(1, Basic.Get(queue="tasks"), Basic.Get(queue="tasks", no_ack=True), Channel.Close())
    assert waiting(client) == [(b"1", True)]
    assert client.vhost.queues["tasks"].unacked == 0


def test_get_and_deliver_share_their_tags_and_count_those_without_acknowledgement() -> None:
    client = with_queue(count=3)
    client.send(1, Basic.Get(queue="tasks", no_ack=True), Basic.Get(queue="tasks"))
    assert [method.delivery_tag for method in client.methods() if isinstance(method, Basic.GetOk)] == [1, 2]
    consume(client, "ctag")
    assert [tag for _, tag, _, _ in deliveries(client)] == [3]


def test_an_empty_name_is_the_last_declared_queue() -> None:
    client = with_queue(count=1)
    client.send(1, Basic.Get())
    assert [method.routing_key for method in client.methods() if isinstance(method, Basic.GetOk)] == ["tasks"]
    client.open_channel(2)
    refused = fault(client, 2, Basic.Get())
    assert refused == (NOT_FOUND, "NOT_FOUND - no previously declared queue")


# ack, nack, reject


@pytest.mark.parametrize(
    ("method", "left"),
    [
        (Basic.Ack(delivery_tag=2), [1, 3]),
        (Basic.Ack(delivery_tag=2, multiple=True), [3]),
        (Basic.Ack(delivery_tag=0, multiple=True), []),
        (Basic.Reject(delivery_tag=2), [1, 3]),
        (Basic.Nack(delivery_tag=2, multiple=True), [3]),
        (Basic.Nack(delivery_tag=0, multiple=True), []),
    ],
)
def test_what_is_settled_is_gone(method: Basic.Ack, left: list[int]) -> None:
    client = with_queue(count=3)
    consume(client, "ctag")
    client.take()
    client.send(1, method)
    assert client.take() == []
    client.send(1, Channel.Close())
    assert waiting(client) == [(str(number).encode(), True) for number in left]


@pytest.mark.parametrize(
    ("method", "back"),
    [
        (Basic.Reject(delivery_tag=2, requeue=True), "2"),
        (Basic.Nack(delivery_tag=2, requeue=True), "2"),
        (Basic.Nack(delivery_tag=2, multiple=True, requeue=True), "1 2"),
        (Basic.Nack(delivery_tag=0, multiple=True, requeue=True), "1 2 3"),
    ],
)
def test_what_is_given_back_comes_again_redelivered_with_new_tags(method: Basic.Nack, back: str) -> None:
    client = with_queue(count=3)
    consume(client, "ctag")
    client.take()
    client.send(1, method)
    again = deliveries(client)
    assert b" ".join(body for _, _, body, _ in again).decode() == back
    assert all(redelivered for _, _, _, redelivered in again)
    assert [tag for _, tag, _, _ in again] == list(range(4, 4 + len(again)))


def test_what_is_given_back_goes_before_what_waits_and_in_its_original_order() -> None:
    client = with_queue(count=6)
    client.send(1, *[Basic.Get(queue="tasks")] * 5)
    client.send(1, Basic.Reject(delivery_tag=4, requeue=True), Basic.Reject(delivery_tag=2, requeue=True))
    assert waiting(client) == [(b"2", True), (b"4", True), (b"6", False)]


@pytest.mark.parametrize("method", [Basic.Ack, Basic.Nack, Basic.Reject])
@pytest.mark.parametrize("tag", [0, 1, 5])
def test_a_tag_that_is_not_outstanding_closes_the_channel(method: type[Basic.Ack], tag: int) -> None:
    client = with_queue(count=1)
    client.send(1, Basic.Get(queue="tasks"), Basic.Ack(delivery_tag=1))
    refused = fault(client, 1, method(delivery_tag=tag))
    assert refused == (PRECONDITION_FAILED, f"PRECONDITION_FAILED - unknown delivery tag {tag}")


def test_acks_before_a_wrong_one_in_the_same_read_count() -> None:
    client = with_queue(count=3)
    consume(client, "ctag")
    client.send(1, Basic.Ack(delivery_tag=1), Basic.Ack(delivery_tag=9), Basic.Ack(delivery_tag=2))
    assert waiting(client) == [(b"2", True), (b"3", True)]


def test_an_ack_that_arrives_in_pieces_is_an_ack() -> None:
    client = with_queue(count=1)
    consume(client, "ctag")
    frame = bytes.fromhex("01 0001 0000000d 003c0050 0000000000000001 00 ce")
    for octet in frame:
        client.feed(bytes((octet,)))
    client.send(1, Channel.Close())
    assert waiting(client) == []


# recover


def test_recover_answers_first_and_then_delivers_again_in_order() -> None:
    client = with_queue(count=3)
    consume(client, "ctag")
    client.send(1, Basic.Ack(delivery_tag=2))
    client.take()
    client.send(1, Basic.Recover(requeue=True))
    assert client.received[0] == Received(1, Basic.RecoverOk())
    assert [(body, redelivered) for _, _, body, redelivered in deliveries(client)] == [(b"1", True), (b"3", True)]


def test_recover_gives_back_for_all_consumers_before_anybody_gets_any() -> None:
    client = with_queue(count=4)
    client.send(1, Basic.Qos(prefetch_count=2))
    consume(client, "a")
    consume(client, "b")
    client.take()
    client.send(1, Basic.RecoverAsync(requeue=True))
    assert [body for _, _, body, _ in deliveries(client)] == [b"1", b"2", b"3", b"4"]


def test_a_queue_that_bears_a_deleted_ones_name_goes_on_when_messages_of_both_are_settled_at_once() -> None:
    client = with_queue(count=1)
    client.send(1, Basic.Get(queue="tasks"), Queue.Delete(queue="tasks"), Queue.Declare(queue="tasks"))
    client.send(1, Basic.Qos(prefetch_count=1))
    consume(client, "ctag")
    publish_numbers(client, 2, 2)
    assert bodies(client) == "2"
    client.send(1, Basic.Ack(delivery_tag=2), Basic.Ack(delivery_tag=1))
    assert bodies(client) == "3"


def test_recover_without_requeue_is_refused() -> None:
    assert fault(opened(), 1, Basic.Recover()) == (NOT_IMPLEMENTED, "NOT_IMPLEMENTED - requeue=false")


# What stays behind


def test_consumers_that_come_and_go_leave_nothing_behind() -> None:
    client = with_queue(count=40)
    channel = client.session._channels[1]
    client.send(1, Basic.Qos(prefetch_count=1))
    for number in range(20):
        consume(client, f"c{number}")
        client.send(1, Basic.Get(queue="tasks"), Basic.Cancel(consumer_tag=f"c{number}", nowait=True))
    assert len(channel.by_number) == 21
    client.send(1, Basic.Ack(delivery_tag=0, multiple=True))
    assert (channel.by_number, channel.lanes, channel._getters) == ({}, {}, {})


# What is on disk


def got(client: WireClient, **how: bool) -> tuple[bytes, bool]:
    """The body of what basic.get gives, and whether it is flagged; it has to be there at once."""
    client.send(1, Basic.Get(queue="tasks", **how))
    (event,) = client.take()
    assert isinstance(event, Received) and isinstance(event.method, Basic.GetOk)
    return event.body, event.method.redelivered


def test_the_first_that_is_got_of_a_backlog_waits_until_it_is_on_disk_that_it_was() -> None:
    client = durable_client(3)
    client.send(1, Basic.Get(queue="tasks"))
    assert client.take() == []
    server_of(client).commit_one()
    (event,) = client.take()
    assert isinstance(event, Received) and event.body == b"1"
    assert got(client) == (b"2", False)
    again = opened(server_of(client).after_a_power_cut())
    assert waiting(again) == [(b"1", True), (b"2", True), (b"3", True)]


def test_what_was_published_in_this_turn_is_got_at_once() -> None:
    client = durable_client()
    client.connection.feed(
        publish_octets(1, Basic.Publish(routing_key="tasks"), b"1", delivery_mode=2)
        + encode_frame(1, Basic.Get(queue="tasks")),
        client.clock.seconds,
    )
    client.server.finish_turn()
    assert [event.body for event in client.take() if isinstance(event, Received)] == [b"1"]
    server_of(client).commit()
    assert waiting(opened(server_of(client).after_a_kill())) == [(b"1", True)]


def test_what_is_got_without_acknowledgement_does_not_come_back() -> None:
    client = durable_client(2)
    client.send(1, Basic.Get(queue="tasks", no_ack=True))
    server_of(client).commit()
    again = opened(server_of(client).after_a_power_cut())
    assert [body for body, _ in waiting(again)] == [b"2"]


def test_what_is_transient_is_got_at_once_from_a_queue_of_memory() -> None:
    client = durable_client()
    client.send(1, Queue.Declare(queue="memory", nowait=True))
    publish(client, "1")
    publish(client, "2", name="memory")
    client.send(1, Basic.Get(queue="memory"))
    (event,) = client.take()
    assert isinstance(event, Received) and event.body == b"2"


def test_the_first_deliveries_of_a_backlog_wait_for_the_disk_and_then_go_on_by_themselves() -> None:
    client = durable_client(100)
    consume(client, "ctag")
    assert client.take() == []
    server_of(client).commit_one()
    first = bodies(client).split()
    assert 0 < len(first) < 100
    server_of(client).commit()
    assert first + bodies(client).split() == [str(number) for number in range(1, 101)]


def test_after_a_restart_a_consumer_waits_for_the_disk_only_for_the_first_it_gets() -> None:
    client = durable_client(3)
    client = opened(server_of(client).after_a_stop())
    consume(client, "ctag")
    assert client.take() == []
    server_of(client).commit()
    assert [(body, redelivered) for _, _, body, redelivered in deliveries(client)] == [
        (b"1", False),
        (b"2", False),
        (b"3", False),
    ]
