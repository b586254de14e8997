"""What several rules of a queue, or of a chain of queues, come to together."""

import itertools
from typing import Any

import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from interop_tests.conftest import Connect, Names
from interop_tests.steps import (
    Delivery,
    consume,
    declare,
    get,
    get_all,
    is_accepted,
    let_pass,
    publish,
    settle,
    wait_for,
)


def dead_letters_to(queue: str, **arguments: Any) -> dict[str, Any]:
    """Arguments of a queue whose dead letters go to another by the default exchange."""
    return {"x_dead_letter_exchange": "", "x_dead_letter_routing_key": queue, **arguments}


def deaths(headers: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Each entry of x-death: queue, reason and count, newest first."""
    return [(death["queue"], death["reason"], death["count"]) for death in headers["x-death"]]


def bodies(channel: BlockingChannel, queue: str) -> list[str]:
    """All that is ready, taken."""
    return [body for body, _ in get_all(channel, queue, auto_ack=True)]


def count(channel: BlockingChannel, queue: str) -> int:
    """How many messages are ready."""
    ready: int = channel.queue_declare(queue, passive=True).method.message_count
    return ready


def test_a_retry_loop_counts_its_rounds(channel: BlockingChannel, name: Names) -> None:
    work, wait = f"{name.prefix}.work", f"{name.prefix}.wait"
    declare(channel, work, **dead_letters_to(wait))
    declare(channel, wait, **dead_letters_to(work, x_message_ttl=20))
    publish(channel, work, "job")
    for rounds in range(5):
        method, properties, _ = get(channel, work)
        counts = deaths(properties.headers) if properties.headers else []
        assert counts == ([(wait, "expired", rounds), (work, "rejected", rounds)] if rounds else [])
        assert not method.redelivered
        channel.basic_reject(method.delivery_tag, requeue=False)


def test_a_retry_loop_with_an_expiration_for_each_round(channel: BlockingChannel, name: Names) -> None:
    work, wait = f"{name.prefix}.work", f"{name.prefix}.wait"
    declare(channel, work)
    declare(channel, wait, **dead_letters_to(work))
    publish(channel, work, "job")
    for delay_ms in ("1", "20", "40"):
        method, properties, body = get(channel, work)
        publish(channel, wait, body.decode(), expiration=delay_ms, headers={"waited": delay_ms})
        channel.basic_ack(method.delivery_tag)
    properties = get(channel, work).properties
    assert properties.headers["waited"] == "40"
    assert deaths(properties.headers) == [(wait, "expired", 1)]


def test_short_delays_behind_long_ones_wait_for_them(channel: BlockingChannel, name: Names) -> None:
    work = declare(channel, f"{name.prefix}.work")
    wait = declare(channel, f"{name.prefix}.wait", **dead_letters_to(work))
    for delay_ms in (300, 1, 100):
        publish(channel, wait, delay_ms, expiration=str(delay_ms))
    settle(channel, work, 3)
    assert bodies(channel, work) == ["300", "1", "100"]


def test_delay_queues_of_one_delay_each_deliver_in_order_of_time(channel: BlockingChannel, name: Names) -> None:
    work = declare(channel, f"{name.prefix}.work")
    for delay_ms in (600, 300, 1):
        queue = declare(channel, f"{name.prefix}.{delay_ms}", **dead_letters_to(work, x_message_ttl=delay_ms))
        publish(channel, queue, delay_ms)
    settle(channel, work, 3)
    assert bodies(channel, work) == ["1", "300", "600"]


def test_an_expired_message_that_is_requeued_becomes_a_dead_letter(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    queue = declare(channel, name.prefix, **dead_letters_to(dead, x_message_ttl=50))
    publish(channel, queue, "x")
    tag = get(channel, queue).method.delivery_tag
    let_pass(channel, 100)
    assert count(channel, dead) == 0
    channel.basic_nack(tag)
    assert deaths(get(channel, dead).properties.headers) == [(queue, "expired", 1)]


def test_an_expired_message_that_is_rejected_died_of_that(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    queue = declare(channel, name.prefix, **dead_letters_to(dead))
    publish(channel, queue, "x", expiration="50")
    tag = get(channel, queue).method.delivery_tag
    let_pass(channel, 100)
    channel.basic_reject(tag, requeue=False)
    assert deaths(get(channel, dead).properties.headers) == [(queue, "rejected", 1)]


def test_a_requeue_that_is_too_much_becomes_a_dead_letter(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    queue = declare(channel, name.prefix, **dead_letters_to(dead, x_max_length=1))
    publish(channel, queue, "old")
    tag = get(channel, queue).method.delivery_tag
    publish(channel, queue, "new")
    channel.basic_nack(tag)
    method, properties, body = get(channel, dead)
    assert (body, deaths(properties.headers), method.redelivered) == (b"old", [(queue, "maxlen", 1)], False)
    assert bodies(channel, queue) == ["new"]


def test_a_closed_consumers_messages_are_dead_letters_where_there_is_no_room(connect: Connect, name: Names) -> None:
    connection = connect()
    holder, channel = connection.channel(), connection.channel()
    dead = declare(channel, f"{name.prefix}.dead")
    queue = declare(channel, name.prefix, **dead_letters_to(dead, x_max_length=2))
    publish(channel, queue, 1, 2)
    deliveries: list[Delivery] = []
    consume(holder, queue, deliveries)
    wait_for(holder, deliveries, 2)
    holder.basic_cancel(deliveries[0].consumer)
    publish(channel, queue, 3)
    holder.close()
    assert get(channel, dead).body == b"1"
    assert get_all(channel, queue) == [("2", True), ("3", False)]


def test_what_a_length_limit_pushes_out_keeps_its_reason_though_it_is_expired(
    channel: BlockingChannel, name: Names
) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    queue = declare(channel, name.prefix, **dead_letters_to(dead, x_max_length=2))
    publish(channel, queue, "long", expiration="600000")
    publish(channel, queue, "short", expiration="1")
    let_pass(channel, 50)
    publish(channel, queue, "new", "newer")
    settle(channel, dead, 2)
    reasons = [deaths(get(channel, dead).properties.headers)[0][1] for _ in range(2)]
    assert reasons[0] == "maxlen"
    assert reasons[1] in {"expired", "maxlen"}
    assert bodies(channel, queue) == ["new", "newer"]


def test_each_rule_writes_its_reason_in_one_queue(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    queue = declare(channel, name.prefix, **dead_letters_to(dead, x_max_length=2, x_max_priority=5))
    publish(channel, queue, "highest", priority=5)
    publish(channel, queue, "low", "expires", expiration="300")
    assert deaths(get(channel, dead).properties.headers) == [(queue, "maxlen", 1)]
    channel.basic_reject(get(channel, queue).method.delivery_tag, requeue=False)
    assert deaths(get(channel, dead).properties.headers) == [(queue, "rejected", 1)]
    assert deaths(get(channel, dead).properties.headers) == [(queue, "expired", 1)]


def test_dead_letters_are_ordered_by_priority_where_they_go(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead", x_max_priority=5, x_max_length=2)
    queue = declare(channel, name.prefix, **dead_letters_to(dead, x_message_ttl=50))
    for priority in (1, 5, 3):
        publish(channel, queue, priority, priority=priority)
    settle(channel, queue, 0)
    settle(channel, dead, 2)
    assert bodies(channel, dead) == ["3", "1"]


def test_a_dead_letter_pushes_others_out_which_die_in_turn(channel: BlockingChannel, name: Names) -> None:
    last = declare(channel, f"{name.prefix}.last")
    second = declare(channel, f"{name.prefix}.second", **dead_letters_to(last, x_max_length=1))
    first = declare(channel, f"{name.prefix}.first", **dead_letters_to(second, x_max_length=1))
    publish(channel, first, "a", "b", "c")
    assert deaths(get(channel, last).properties.headers) == [(second, "maxlen", 1), (first, "maxlen", 1)]
    assert (bodies(channel, second), bodies(channel, first)) == (["b"], ["c"])


def test_a_long_chain_of_dead_letters_comes_through(channel: BlockingChannel, name: Names) -> None:
    queues = [f"{name.prefix}.{number}" for number in range(40)]
    for queue, following in itertools.pairwise(queues):
        declare(channel, queue, **dead_letters_to(following, x_max_length=0))
    declare(channel, queues[-1])
    publish(channel, queues[0], "x")
    came = get(channel, queues[-1]).properties.headers
    assert sorted(queue for queue, _, _ in deaths(came)) == sorted(queues[:-1])
    assert came["x-first-death-queue"] == queues[0]


def test_a_cycle_with_a_length_of_0_ends(channel: BlockingChannel, name: Names) -> None:
    one, two = f"{name.prefix}.one", f"{name.prefix}.two"
    declare(channel, one, **dead_letters_to(two, x_max_length=0))
    declare(channel, two, **dead_letters_to(one, x_max_length=0))
    publish(channel, one, *range(100))
    settle(channel, one, 0)
    settle(channel, two, 0)


def test_a_cycle_ends_though_its_messages_fan_out(channel: BlockingChannel, name: Names) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, "fanout")
    queues = [declare(channel, f"{name.prefix}.{n}", x_dead_letter_exchange=exchange, x_max_length=0) for n in range(4)]
    end = declare(channel, f"{name.prefix}.end")
    for queue in [*queues, end]:
        channel.queue_bind(queue, exchange)
    publish(channel, queues[0], "x")
    # Every path through the four queues without a return: 1 + 3 + 3*2 + 3*2*1 dead letters reach the end.
    settle(channel, end, 16)
    assert [count(channel, queue) for queue in queues] == [0, 0, 0, 0]


def test_expiry_in_one_of_the_queues_of_a_message_leaves_the_others_alone(
    channel: BlockingChannel, name: Names
) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    short = declare(channel, f"{name.prefix}.short", **dead_letters_to(dead, x_message_ttl=20))
    long = declare(channel, f"{name.prefix}.long")
    publish(channel, short, "x", headers={"CC": [long]})
    assert get(channel, dead).properties.headers["x-first-death-queue"] == short
    _, properties, _ = get(channel, long)
    assert "x-death" not in properties.headers


def test_a_rejected_copy_leaves_the_others_alone(channel: BlockingChannel, name: Names) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, "fanout")
    dead = declare(channel, f"{name.prefix}.dead")
    queues = [declare(channel, f"{name.prefix}.{number}", **dead_letters_to(dead)) for number in range(3)]
    for queue in queues:
        channel.queue_bind(queue, exchange)
    channel.basic_publish(exchange, "", b"x")
    channel.basic_reject(get(channel, queues[1]).method.delivery_tag, requeue=False)
    assert deaths(get(channel, dead).properties.headers) == [(queues[1], "rejected", 1)]
    assert [get(channel, queue).properties.headers for queue in (queues[0], queues[2])] == [None, None]


def test_a_rejection_in_a_transaction_is_a_dead_letter_after_the_commit(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    queue = declare(channel, name.prefix, **dead_letters_to(dead))
    publish(channel, queue, "x")
    channel.tx_select()
    channel.basic_reject(get(channel, queue).method.delivery_tag, requeue=False)
    channel.tx_rollback()
    publish(channel, dead, "only this")
    assert bodies(channel, dead) == ["only this"]
    channel.tx_commit()
    channel.basic_reject(1, requeue=False)
    channel.tx_commit()
    assert get(channel, dead, auto_ack=True).body == b"x"


def test_a_full_queue_rejects_until_its_messages_expire(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_max_length=1, x_overflow="reject-publish", x_message_ttl=300)
    assert [is_accepted(channel, queue, number) for number in range(2)] == [True, False]
    settle(channel, queue, 0)
    assert is_accepted(channel, queue, "room again")


def test_a_consumer_gets_nothing_expired_from_a_backlog(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    queue = declare(channel, name.prefix, **dead_letters_to(dead))
    publish(channel, queue, "kept")
    publish(channel, queue, *range(10), expiration="1")
    publish(channel, queue, "kept too")
    let_pass(channel, 50)
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries)
    wait_for(channel, deliveries, 2)
    assert [delivery.body for delivery in deliveries] == ["kept", "kept too"]
    settle(channel, dead, 10)


def test_an_auto_delete_queue_whose_messages_expire_goes_with_its_consumer(
    channel: BlockingChannel, name: Names
) -> None:
    queue = name.queue()
    channel.queue_declare(queue, durable=True, auto_delete=True, arguments={"x-message-ttl": 20})
    publish(channel, queue, "x")
    settle(channel, queue, 0)
    channel.basic_cancel(consume(channel, queue, []))
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.queue_declare(queue, passive=True)
    assert closed.value.reply_code == 404


def test_a_durable_queue_keeps_every_rule_for_persistent_messages(channel: BlockingChannel, name: Names) -> None:
    dead = declare(channel, f"{name.prefix}.dead")
    queue = name.queue()
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead, "x-max-length": 3}
    channel.queue_declare(queue, durable=True, arguments={**arguments, "x-max-priority": 3, "x-message-ttl": 300})
    for priority in (1, 3, 2, 3):
        publish(channel, queue, priority, priority=priority, delivery_mode=2)
    settle(channel, dead, 4)
    came = [get(channel, dead) for _ in range(4)]
    assert [(one.body.decode(), deaths(one.properties.headers)[0][1]) for one in came] == [
        ("3", "maxlen"),
        ("3", "expired"),
        ("2", "expired"),
        ("1", "expired"),
    ]
    assert [one.properties.delivery_mode for one in came] == [2, 2, 2, 2]


@pytest.mark.parametrize("overflow", ["drop-head", "reject-publish-dlx"])
def test_a_message_is_in_its_queues_before_the_dead_letters_it_makes(
    channel: BlockingChannel, name: Names, overflow: str
) -> None:
    both = declare(channel, f"{name.prefix}.both")
    full = declare(channel, f"{name.prefix}.full", **dead_letters_to(both, x_max_length=0, x_overflow=overflow))
    is_accepted(channel, full, "x", headers={"CC": [both]})
    settle(channel, both, 2)
    assert [get(channel, both).method.routing_key for _ in range(2)] == [full, both]


def test_a_dead_letter_refused_by_a_full_queue_dies_there_once_more(channel: BlockingChannel, name: Names) -> None:
    last = declare(channel, f"{name.prefix}.last")
    arguments = dead_letters_to(last, x_max_length=1, x_overflow="reject-publish-dlx")
    full = declare(channel, f"{name.prefix}.full", **arguments)
    first = declare(channel, name.prefix, **dead_letters_to(full, x_max_length=0))
    publish(channel, first, "a", "b")
    came = get(channel, last)
    assert (came.body, deaths(came.properties.headers)) == (b"b", [(full, "maxlen", 1), (first, "maxlen", 1)])
    assert bodies(channel, full) == ["a"]


def test_what_a_full_queue_dead_letters_to_itself_is_dropped(channel: BlockingChannel, name: Names) -> None:
    arguments = dead_letters_to(name.prefix, x_max_length=1, x_overflow="reject-publish-dlx")
    queue = declare(channel, name.prefix, **arguments)
    assert [is_accepted(channel, queue, number) for number in range(3)] == [True, False, False]
    channel.basic_reject(get(channel, queue).method.delivery_tag, requeue=False)
    assert deaths(get(channel, queue).properties.headers) == [(queue, "rejected", 1)]
