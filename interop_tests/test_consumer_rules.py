"""Who may consume, and who is given what: single active consumers, exclusive ones, priorities among each other."""

import pytest
from pamqp import commands
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

from interop_tests.conftest import Connect, Names, OpenWire
from interop_tests.steps import Delivery, consume, declare, get_all, publish, settle, wait_for

# RabbitMQ looks once a minute, however short the timeout is.
CONSUMER_TIMEOUT_NOTICED_S = 90.0


@pytest.fixture
def single(channel: BlockingChannel, name: Names) -> str:
    """A classic queue with a single active consumer."""
    return declare(channel, name.prefix, x_single_active_consumer=True)


@pytest.fixture
def single_quorum(channel: BlockingChannel, name: Names) -> str:
    """A quorum queue with a single active consumer."""
    return quorum_queue(channel, name.queue("single"), single_active=True)


def quorum_queue(channel: BlockingChannel, queue: str, *, single_active: bool = False) -> str:
    arguments = {"x-queue-type": "quorum", "x-single-active-consumer": single_active}
    declared: str = channel.queue_declare(queue, durable=True, arguments=arguments).method.queue
    return declared


def consumers(deliveries: list[Delivery]) -> str:
    """Which consumer got each delivery, in order."""
    return " ".join(delivery.consumer for delivery in deliveries)


# A single active consumer


def test_the_single_active_consumer_gets_everything(channel: BlockingChannel, single: str) -> None:
    deliveries: list[Delivery] = []
    for consumer in ("first", "second", "third"):
        consume(channel, single, deliveries, consumer)
    publish(channel, single, *range(5))
    settle(channel, single, 0)
    assert consumers(deliveries) == "first first first first first"


def test_when_the_active_consumer_is_full_the_others_still_get_nothing(channel: BlockingChannel, single: str) -> None:
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=2)
    consume(channel, single, deliveries, "first")
    consume(channel, single, deliveries, "second")
    publish(channel, single, *range(5))
    settle(channel, single, 3)
    channel.basic_ack(deliveries[0].tag)
    settle(channel, single, 2)
    assert consumers(deliveries) == "first first first"


def test_the_next_is_active_once_the_active_one_cancels(channel: BlockingChannel, single: str) -> None:
    deliveries: list[Delivery] = []
    for consumer in ("first", "second", "third"):
        consume(channel, single, deliveries, consumer)
    publish(channel, single, 1)
    settle(channel, single, 0)
    channel.basic_cancel("first")
    publish(channel, single, 2, 3)
    settle(channel, single, 0)
    # What the first one had is unacknowledged all the while.
    assert consumers(deliveries) == "first second second"
    channel.basic_ack(deliveries[0].tag)


def test_what_the_active_consumer_had_goes_to_the_next_when_its_channel_closes(
    channel: BlockingChannel, single: str
) -> None:
    deliveries: list[Delivery] = []
    leaving = channel.connection.channel()
    consume(leaving, single, [], "first")
    consume(channel, single, deliveries, "second")
    publish(channel, single, 1, 2)
    settle(channel, single, 0)
    leaving.close()
    wait_for(channel, deliveries, 2)
    assert [(one.consumer, one.body, one.redelivered) for one in deliveries] == [
        ("second", "1", True),
        ("second", "2", True),
    ]


def test_a_waiting_consumer_that_leaves_changes_nothing(channel: BlockingChannel, single: str) -> None:
    deliveries: list[Delivery] = []
    for consumer in ("first", "second", "third"):
        consume(channel, single, deliveries, consumer)
    channel.basic_cancel("second")
    publish(channel, single, 1)
    settle(channel, single, 0)
    channel.basic_cancel("first")
    publish(channel, single, 2)
    settle(channel, single, 0)
    assert consumers(deliveries) == "first third"


def test_who_was_active_comes_back_as_the_last(channel: BlockingChannel, single: str) -> None:
    deliveries: list[Delivery] = []
    for consumer in ("first", "second", "third"):
        consume(channel, single, deliveries, consumer)
    channel.basic_cancel("first")
    consume(channel, single, deliveries, "first")
    for body, leaving in enumerate(("second", "third", "first")):
        publish(channel, single, body)
        settle(channel, single, 0)
        channel.basic_cancel(leaving)
    assert consumers(deliveries) == "second third first"


def test_the_next_active_consumer_is_the_one_of_highest_priority(channel: BlockingChannel, single: str) -> None:
    deliveries: list[Delivery] = []
    for consumer, priority in (("first", 0), ("low", -1), ("high", 5), ("higher", 6)):
        consume(channel, single, deliveries, consumer, arguments={"x-priority": priority})
    for body, leaving in enumerate(("first", "higher", "high", "low")):
        publish(channel, single, body)
        settle(channel, single, 0)
        channel.basic_cancel(leaving)
    assert consumers(deliveries) == "first higher high low"


def test_a_higher_priority_does_not_take_over_from_who_is_active(channel: BlockingChannel, single: str) -> None:
    deliveries: list[Delivery] = []
    consume(channel, single, deliveries, "first")
    consume(channel, single, deliveries, "high", arguments={"x-priority": 10})
    publish(channel, single, 1, 2)
    settle(channel, single, 0)
    assert consumers(deliveries) == "first first"


def test_all_consumers_are_counted_the_waiting_ones_too(channel: BlockingChannel, single: str) -> None:
    for consumer in ("first", "second", "third"):
        consume(channel, single, [], consumer)
    assert channel.queue_declare(single, passive=True).method.consumer_count == 3


@pytest.mark.parametrize("others", [0, 1])
def test_an_exclusive_consumer_of_a_single_active_queue_is_refused(
    channel: BlockingChannel, single: str, others: int
) -> None:
    for _ in range(others):
        consume(channel, single, [])
    with pytest.raises(ChannelClosedByBroker) as closed:
        consume(channel, single, [], exclusive=True)
    assert closed.value.reply_code == 403
    assert closed.value.reply_text == f"ACCESS_REFUSED - queue '{single}' in vhost '/' in exclusive use"


def test_anybody_may_get_from_a_classic_queue_with_a_single_active_consumer(
    channel: BlockingChannel, single: str
) -> None:
    publish(channel, single, 1, 2)
    assert get_all(channel, single, auto_ack=True) == [("1", False), ("2", False)]


def test_a_queue_that_says_it_has_no_single_active_consumer_has_none(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_single_active_consumer=False)
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, "first")
    consume(channel, queue, deliveries, "second")
    publish(channel, queue, 1, 2)
    settle(channel, queue, 0)
    assert consumers(deliveries) == "first second"


# A single active consumer of a quorum queue


def test_a_quorum_queue_has_a_single_active_consumer_too(channel: BlockingChannel, single_quorum: str) -> None:
    deliveries: list[Delivery] = []
    for consumer in ("first", "second", "third"):
        consume(channel, single_quorum, deliveries, consumer)
    publish(channel, single_quorum, 1, 2)
    wait_for(channel, deliveries, 2)
    channel.basic_cancel("first")
    publish(channel, single_quorum, 3)
    wait_for(channel, deliveries, 3)
    assert consumers(deliveries) == "first first second"
    channel.basic_ack(0, multiple=True)


def test_nobody_may_get_from_a_quorum_queue_with_a_single_active_consumer(
    channel: BlockingChannel, single_quorum: str, series: tuple[int, int]
) -> None:
    kind = '<<"quorum">>' if series >= (4, 2) else "quorum"
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.basic_get(single_quorum)
    assert (closed.value.reply_code, closed.value.reply_text) == (
        405,
        f"RESOURCE_LOCKED - cannot obtain access to locked queue '{single_quorum}' in vhost '/'. basic.get operations "
        f"are not supported by {kind} queues with single active consumer",
    )


def test_a_higher_priority_takes_over_a_quorum_queue_since_4_0(
    channel: BlockingChannel, single_quorum: str, series: tuple[int, int]
) -> None:
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=1)
    consume(channel, single_quorum, deliveries, "first")
    publish(channel, single_quorum, 1)
    wait_for(channel, deliveries, 1)
    consume(channel, single_quorum, deliveries, "low", arguments={"x-priority": -1})
    consume(channel, single_quorum, deliveries, "high", arguments={"x-priority": 10})
    publish(channel, single_quorum, 2)
    # Not before the active one has acknowledged what it has.
    channel.basic_ack(deliveries[0].tag)
    wait_for(channel, deliveries, 2)
    assert consumers(deliveries) == ("first high" if series >= (4, 0) else "first first")
    channel.basic_ack(deliveries[1].tag)


def test_the_next_active_consumer_of_a_quorum_queue_goes_by_priority_since_4_0(
    channel: BlockingChannel, single_quorum: str, series: tuple[int, int]
) -> None:
    deliveries: list[Delivery] = []
    consume(channel, single_quorum, deliveries, "first", arguments={"x-priority": 7})
    for consumer, priority in (("low", -1), ("high", 5), ("higher", 6)):
        consume(channel, single_quorum, deliveries, consumer, arguments={"x-priority": priority})
    channel.basic_cancel("first")
    publish(channel, single_quorum, 1)
    wait_for(channel, deliveries, 1)
    assert consumers(deliveries) == ("higher" if series >= (4, 0) else "low")
    channel.basic_ack(deliveries[0].tag)


# Exclusive consumers


def test_an_exclusive_consumer_keeps_an_exclusive_one_away(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix)
    consume(channel, queue, [], "only", exclusive=True)
    other = channel.connection.channel()
    with pytest.raises(ChannelClosedByBroker) as closed:
        consume(other, queue, [], "another", exclusive=True)
    assert closed.value.reply_code == 403


def test_anybody_may_get_beside_an_exclusive_consumer(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix)
    other = channel.connection.channel()
    channel.basic_qos(prefetch_count=1)
    consume(channel, queue, [], "only", exclusive=True)
    publish(channel, queue, 1, 2)
    settle(channel, queue, 1)
    assert get_all(other, queue, auto_ack=True) == [("2", False)]


def test_an_exclusive_consumer_s_closed_channel_frees_the_queue(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix)
    leaving = channel.connection.channel()
    consume(leaving, queue, [], "only", exclusive=True)
    leaving.close()
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, "next", exclusive=True)
    publish(channel, queue, 1)
    settle(channel, queue, 0)
    assert consumers(deliveries) == "next"


def test_a_quorum_queue_has_no_exclusive_consumers(channel: BlockingChannel, name: Names) -> None:
    queue = quorum_queue(channel, name.queue())
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, "only", exclusive=True)
    consume(channel, queue, deliveries, "other", exclusive=True)
    publish(channel, queue, 1, 2)
    wait_for(channel, deliveries, 2)
    assert consumers(deliveries) == "only other"
    channel.basic_ack(0, multiple=True)


# Priorities


def test_a_higher_priority_that_comes_later_gets_what_comes_then(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix)
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, "default")
    publish(channel, queue, 1)
    consume(channel, queue, deliveries, "high", arguments={"x-priority": 1})
    publish(channel, queue, 2, 3)
    settle(channel, queue, 0)
    assert consumers(deliveries) == "default high high"


def test_a_lower_priority_gets_something_only_while_the_higher_ones_are_full(
    channel: BlockingChannel, name: Names
) -> None:
    queue = declare(channel, name.prefix)
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=1)
    consume(channel, queue, deliveries, "high", arguments={"x-priority": 2})
    channel.basic_qos(prefetch_count=10)
    consume(channel, queue, deliveries, "low")
    publish(channel, queue, 1, 2)
    settle(channel, queue, 0)
    channel.basic_ack(deliveries[0].tag)
    publish(channel, queue, 3, 4)
    settle(channel, queue, 0)
    assert consumers(deliveries) == "high low high low"


def test_who_waits_on_a_higher_level_does_not_lose_its_place_to_a_lower_one(
    channel: BlockingChannel, name: Names
) -> None:
    queue = declare(channel, name.prefix)
    deliveries: list[Delivery] = []
    for consumer, priority in (("low", -10), ("a", 3), ("b", 3)):
        consume(channel, queue, deliveries, consumer, arguments={"x-priority": priority})
    publish(channel, queue, *range(5))
    settle(channel, queue, 0)
    assert consumers(deliveries) == "a b a b a"


@pytest.mark.parametrize("priority", [-(2**31), 2**31 - 1, 2**40])
def test_a_priority_may_be_any_whole_number(channel: BlockingChannel, name: Names, priority: int) -> None:
    queue = declare(channel, name.prefix)
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, "a", arguments={"x-priority": priority})
    publish(channel, queue, 1)
    settle(channel, queue, 0)
    assert consumers(deliveries) == "a"


def test_quorum_queues_have_consumer_priorities(channel: BlockingChannel, name: Names) -> None:
    queue = quorum_queue(channel, name.queue())
    deliveries: list[Delivery] = []
    channel.basic_qos(prefetch_count=2)
    for consumer, priority in (("low", -1), ("high", 5)):
        consume(channel, queue, deliveries, consumer, arguments={"x-priority": priority})
    publish(channel, queue, *range(4))
    wait_for(channel, deliveries, 4)
    assert consumers(deliveries) == "high high low low"
    channel.basic_ack(0, multiple=True)


# What RabbitMQ does not have


def test_a_program_that_asks_for_a_dispatch_strategy_runs_everywhere(channel: BlockingChannel, name: Names) -> None:
    queue = declare(channel, name.prefix, x_dispatch_strategy="weighted")
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, "a", arguments={"x-weight": 3})
    consume(channel, queue, deliveries, "b", arguments={"x-weight": 1})
    publish(channel, queue, *range(8))
    settle(channel, queue, 0)
    # RabbitMQ takes turns; it does not know the arguments.
    assert consumers(deliveries) in ("a a b a a a b a", "a b a b a b a b")


# A prefetch for a whole channel


@pytest.mark.until_4_3
def test_a_quorum_queue_knows_no_prefetch_of_a_channel(connect: Connect, name: Names) -> None:
    channel = connect().channel()
    queue = quorum_queue(channel, name.queue())
    channel.basic_qos(prefetch_count=3, global_qos=True)
    with pytest.raises(ConnectionClosedByBroker) as closed:
        consume(channel, queue, [])
    assert (closed.value.reply_code, closed.value.reply_text) == (
        540,
        f"NOT_IMPLEMENTED - queue '{queue}' in vhost '/' does not support global qos",
    )


# Consumer timeout


@pytest.mark.timeout(2 * CONSUMER_TIMEOUT_NOTICED_S)
def test_who_does_not_acknowledge_in_time_loses_its_channel(open_wire: OpenWire, series: tuple[int, int]) -> None:
    if not (3, 12) <= series < (4, 3):
        pytest.skip("before 3.12 a queue has no timeout of its own; since 4.3 classic queues have none")
    wire = open_wire(timeout_s=CONSUMER_TIMEOUT_NOTICED_S)
    queue = wire.queue(arguments={"x-consumer-timeout": 500})
    wire.call(1, commands.Basic.Consume(0, queue, "slow"), commands.Basic.ConsumeOk)
    wire.publish("", queue, b"kept")
    wire.message(1, commands.Basic.Deliver)
    close = wire.method(1, commands.Channel.Close)
    assert (close.reply_code, close.class_id, close.method_id) == (406, 0, 0)
    assert close.reply_text == (
        "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 500 ms. This "
        "timeout value can be configured, see consumers doc guide to learn more"
    )


@pytest.mark.timeout(2 * CONSUMER_TIMEOUT_NOTICED_S)
def test_since_4_3_a_quorum_queue_takes_back_what_is_not_acknowledged_in_time(
    open_wire: OpenWire, name: Names, series: tuple[int, int]
) -> None:
    if series < (4, 3):
        pytest.skip("before 4.3 the channel is closed")
    wire = open_wire(timeout_s=CONSUMER_TIMEOUT_NOTICED_S)
    queue = wire.queue(name.queue(), exclusive=False, durable=True, arguments={"x-queue-type": "quorum"})
    consume = commands.Basic.Consume(0, queue, "slow", arguments={"x-consumer-timeout": 500})
    wire.call(1, consume, commands.Basic.ConsumeOk)
    wire.publish("", queue, b"returned")
    wire.message(1, commands.Basic.Deliver)
    cancel = wire.method(1, commands.Basic.Cancel)
    assert (cancel.consumer_tag, cancel.nowait) == ("slow", True)
    # It gets it again as soon as it has settled what was too late.
    wire.send(1, commands.Basic.Ack(1))
    again = wire.message(1, commands.Basic.Deliver)
    assert (again.method.delivery_tag, again.method.redelivered, again.body) == (2, True, b"returned")
