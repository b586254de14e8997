"""Streams: what is published stays, and every consumer reads it from where it wants."""

import datetime
import itertools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker
from pika.spec import Basic, BasicProperties

from interop_tests.conftest import Connect, Names
from interop_tests.steps import SETTLE_TIMEOUT_S, publish, settle

RETENTION_TIMEOUT_S = 20.0
PREFETCH_COUNT = 100


class Read(NamedTuple):
    """What came with basic.deliver from a stream."""

    offset: int
    body: str
    tag: int
    redelivered: bool
    properties: BasicProperties
    consumer: str


Declare = Callable[..., str]


@pytest.fixture
def declare(channel: BlockingChannel, name: Names) -> Declare:
    """Declares a stream of its own with the arguments, underscores for hyphens, and returns its name."""

    def declare_one(word: str = "stream", **arguments: Any) -> str:
        wanted = {argument.replace("_", "-"): value for argument, value in arguments.items()}
        queue = name.queue(word)
        channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "stream", **wanted})
        return queue

    return declare_one


@pytest.fixture
def stream(declare: Declare) -> str:
    """A stream without further arguments."""
    return declare()


@pytest.fixture
def reader(connect: Connect) -> BlockingChannel:
    """A channel of a connection of its own, with a prefetch."""
    channel = connect().channel()
    channel.basic_qos(prefetch_count=PREFETCH_COUNT)
    return channel


def attach(channel: BlockingChannel, stream: str, offset: object = None, **settings: Any) -> list[Read]:
    """Start a consumer at an offset; returns the list that its deliveries come into."""
    reads: list[Read] = []

    def append(_channel: BlockingChannel, deliver: Basic.Deliver, properties: BasicProperties, body: bytes) -> None:
        consumer, tag = deliver.consumer_tag, deliver.delivery_tag
        offset = int(properties.headers["x-stream-offset"])
        reads.append(Read(offset, body.decode(), tag, deliver.redelivered, properties, consumer))

    arguments = {"x-stream-offset": offset} if offset is not None else {}
    arguments |= settings.pop("arguments", {})
    channel.basic_consume(stream, append, arguments=arguments, **settings)
    return reads


def wait_for(channel: BlockingChannel, reads: list[Read], count: int) -> None:
    """Process events until `count` deliveries are in; the test's deadline bounds it."""
    while len(reads) < count:
        channel.connection.process_data_events(1)


def read(channel: BlockingChannel, stream: str, offset: object, count: int) -> list[str]:
    """The bodies of the first `count` messages from an offset on, read on a channel of its own."""
    with channel.connection.channel() as other:
        # No more than that: pika rejects what it has not handed on when it closes a channel.
        other.basic_qos(prefetch_count=count)
        reads = attach(other, stream, offset)
        wait_for(other, reads, count)
    return [one.body for one in reads[:count]]


def bodies(reads: list[Read]) -> str:
    """What came, in order."""
    return " ".join(one.body for one in reads)


def nothing_waits(channel: BlockingChannel) -> None:
    """All that the broker sent before this is in: it answers a question behind it."""
    channel.exchange_declare("amq.direct", passive=True)
    channel.connection.process_data_events(0)


# Where a consumer begins


def test_first_reads_the_stream_from_its_beginning(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish(channel, stream, *range(5))
    reads = attach(reader, stream, "first")
    wait_for(reader, reads, 5)
    assert [(one.offset, one.body) for one in reads] == [(place, str(place)) for place in range(5)]


def test_next_reads_what_is_published_from_now_on(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish(channel, stream, "old")
    reads = attach(reader, stream, "next")
    publish(channel, stream, "new")
    wait_for(reader, reads, 1)
    assert (reads[0].offset, reads[0].body) == (1, "new")


def test_without_an_offset_a_consumer_begins_with_next(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish(channel, stream, "old")
    reads = attach(reader, stream)
    publish(channel, stream, "new")
    wait_for(reader, reads, 1)
    assert bodies(reads) == "new"


def test_last_begins_with_what_was_published_last(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish(channel, stream, *range(5))
    assert read(reader, stream, "last", 1) == ["4"]


def test_last_of_an_empty_stream_is_next(channel: BlockingChannel, reader: BlockingChannel, stream: str) -> None:
    reads = attach(reader, stream, "last")
    publish(channel, stream, "new")
    wait_for(reader, reads, 1)
    assert bodies(reads) == "new"


def test_a_number_is_an_offset(channel: BlockingChannel, reader: BlockingChannel, stream: str) -> None:
    publish(channel, stream, *range(5))
    assert read(reader, stream, 3, 2) == ["3", "4"]


def test_an_offset_before_the_first_is_the_first(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish(channel, stream, *range(2))
    assert read(reader, stream, -7, 2) == ["0", "1"]


def test_an_offset_beyond_the_end_waits_until_the_stream_has_it(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish(channel, stream, *range(2))
    reads = attach(reader, stream, 4)
    publish(channel, stream, *range(2, 6))
    wait_for(reader, reads, 2)
    assert bodies(reads) == "4 5"


@pytest.mark.parametrize("offset", [datetime.datetime(2020, 1, 1), "1h", "2D", "1M"])
def test_a_time_before_the_first_message_is_the_first(
    channel: BlockingChannel, reader: BlockingChannel, stream: str, offset: object
) -> None:
    publish(channel, stream, *range(2))
    assert read(reader, stream, offset, 2) == ["0", "1"]


def test_a_time_after_the_last_message_is_next(channel: BlockingChannel, reader: BlockingChannel, stream: str) -> None:
    publish(channel, stream, "old")
    reads = attach(reader, stream, datetime.datetime(2100, 1, 1))
    publish(channel, stream, "new")
    wait_for(reader, reads, 1)
    assert bodies(reads) == "new"


def test_an_interval_reaches_back_so_far(channel: BlockingChannel, reader: BlockingChannel, stream: str) -> None:
    publish(channel, stream, "old")
    deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
    first = "old"
    for number in itertools.count():
        assert time.monotonic() < deadline_s, "a message of a second ago still counts as one of the last second"
        publish(channel, stream, number)
        first = read(reader, stream, "1s", 1)[0]
        if first != "old":
            break
    assert int(first) >= 0


# What is delivered


def test_a_message_is_not_redelivered_however_often_it_is_read(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish(channel, stream, "a")
    for _ in range(2):
        reads = attach(reader, stream, "first")
        wait_for(reader, reads, 1)
        assert not reads[0].redelivered
        reader.basic_cancel(reads[0].consumer)


def test_the_offset_is_a_header_beside_those_of_the_publisher(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publisher = channel.connection.channel()
    properties = BasicProperties(content_type="text/plain", headers={"colour": "red", "z": 1}, message_id="m")
    publisher.basic_publish("", stream, b"a", properties)
    reads = attach(reader, stream, "first")
    wait_for(reader, reads, 1)
    came = reads[0].properties
    assert came.headers == {"colour": "red", "x-stream-offset": 0, "z": 1}
    assert (came.content_type, came.message_id) == ("text/plain", "m")


def test_an_offset_header_of_the_publisher_is_replaced(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish(channel, stream, "a", headers={"x-stream-offset": "mine", "a": "b"})
    reads = attach(reader, stream, "first")
    wait_for(reader, reads, 1)
    assert reads[0].properties.headers == {"x-stream-offset": 0, "a": "b"}


def test_every_consumer_reads_the_whole_stream(channel: BlockingChannel, reader: BlockingChannel, stream: str) -> None:
    publish(channel, stream, *range(3))
    all_reads = [attach(reader, stream, "first") for _ in range(3)]
    for reads in all_reads:
        wait_for(reader, reads, 3)
    assert [bodies(reads) for reads in all_reads] == ["0 1 2"] * 3


def test_a_stream_is_bound_to_exchanges_like_any_queue(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    channel.queue_bind(stream, "amq.topic", f"{stream}.#")
    channel.confirm_delivery()
    channel.basic_publish("amq.topic", f"{stream}.x", b"a", mandatory=True)
    assert read(reader, stream, "first", 1) == ["a"]


def test_messages_of_one_publisher_keep_their_order(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    for number in range(500):
        channel.basic_publish("", stream, str(number).encode())
    reads = attach(reader, stream, "first")
    while len(reads) < 500:
        reader.connection.process_data_events(1)
        if reads:
            reader.basic_ack(reads[-1].tag, multiple=True)
    assert [int(one.body) for one in reads] == list(range(500))
    assert [one.offset for one in reads] == list(range(500))


def test_an_expiration_is_not_looked_at(channel: BlockingChannel, reader: BlockingChannel, stream: str) -> None:
    publish(channel, stream, "a", expiration="0")
    publish(channel, stream, "b")
    assert read(reader, stream, "first", 2) == ["a", "b"]


# Credit


def test_prefetch_is_credit_and_an_ack_gives_it_back(channel: BlockingChannel, connect: Connect, stream: str) -> None:
    publish(channel, stream, *range(5))
    reader = connect().channel()
    reader.basic_qos(prefetch_count=2)
    reads = attach(reader, stream, "first")
    wait_for(reader, reads, 2)
    nothing_waits(reader)
    assert bodies(reads) == "0 1"
    reader.basic_ack(reads[0].tag)
    wait_for(reader, reads, 3)
    nothing_waits(reader)
    assert bodies(reads) == "0 1 2"


def test_an_ack_removes_nothing(channel: BlockingChannel, reader: BlockingChannel, stream: str) -> None:
    publish(channel, stream, *range(3))
    reads = attach(reader, stream, "first")
    wait_for(reader, reads, 3)
    reader.basic_ack(0, multiple=True)
    assert read(reader, stream, "first", 3) == ["0", "1", "2"]


@pytest.mark.parametrize("requeue", [True, False])
def test_a_nack_gives_credit_and_no_more(
    channel: BlockingChannel, connect: Connect, stream: str, requeue: bool, series: tuple[int, int]
) -> None:
    if series < (3, 13):
        pytest.skip("RabbitMQ before 3.13 refuses basic.nack and basic.reject of a stream's messages")
    publish(channel, stream, *range(3))
    reader = connect().channel()
    reader.basic_qos(prefetch_count=1)
    reads = attach(reader, stream, "first")
    for place in range(3):
        wait_for(reader, reads, place + 1)
        reader.basic_nack(reads[-1].tag, requeue=requeue)
    assert [(one.body, one.redelivered) for one in reads] == [("0", False), ("1", False), ("2", False)]


def test_a_slow_consumer_does_not_hold_the_others_up(
    channel: BlockingChannel, connect: Connect, reader: BlockingChannel, stream: str
) -> None:
    slow = connect().channel()
    slow.basic_qos(prefetch_count=1)
    slow_reads = attach(slow, stream, "first")
    publish(channel, stream, *range(20))
    assert read(reader, stream, "first", 20) == [str(place) for place in range(20)]
    wait_for(slow, slow_reads, 1)
    assert bodies(slow_reads) == "0"


def test_what_a_channel_had_unacknowledged_is_still_there_when_it_closes(
    channel: BlockingChannel, reader: BlockingChannel, connect: Connect, stream: str
) -> None:
    publish(channel, stream, *range(2))
    other = connect().channel()
    other.basic_qos(prefetch_count=10)
    reads = attach(other, stream, "first")
    wait_for(other, reads, 2)
    other.close()
    again = attach(reader, stream, "first")
    wait_for(reader, again, 2)
    assert [(one.body, one.redelivered) for one in again] == [("0", False), ("1", False)]


# What is refused


def test_consuming_without_prefetch_is_refused(connect: Connect, stream: str, series: tuple[int, int]) -> None:
    channel = connect().channel()
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.basic_consume(stream, lambda *_: None)
    what = f"'queue '{stream}' in vhost '/''" if series < (4, 0) else f"stream queue '{stream}' in vhost '/'"
    text = f"PRECONDITION_FAILED - consumer prefetch count is not set for {what}"
    assert (closed.value.reply_code, closed.value.reply_text) == (406, text)


def test_consuming_without_acknowledgement_is_refused(
    reader: BlockingChannel, stream: str, series: tuple[int, int]
) -> None:
    with pytest.raises(ConnectionClosedByBroker) as closed:
        reader.basic_consume(stream, lambda *_: None, auto_ack=True)
    what = "stream queues" if series < (4, 0) else "stream"
    text = f"NOT_IMPLEMENTED - automatic acknowledgement not supported by {what} queue '{stream}' in vhost '/'"
    assert (closed.value.reply_code, closed.value.reply_text) == (540, text)


@pytest.mark.until_4_3
def test_consuming_with_a_prefetch_for_the_whole_channel_is_refused(reader: BlockingChannel, stream: str) -> None:
    reader.basic_qos(prefetch_count=5, global_qos=True)
    with pytest.raises(ConnectionClosedByBroker) as closed:
        reader.basic_consume(stream, lambda *_: None)
    text = f"NOT_IMPLEMENTED - queue '{stream}' in vhost '/' does not support global qos"
    assert (closed.value.reply_code, closed.value.reply_text) == (540, text)


@pytest.mark.parametrize("auto_ack", [True, False])
def test_get_is_refused(connect: Connect, stream: str, auto_ack: bool) -> None:
    channel = connect().channel()
    with pytest.raises(ConnectionClosedByBroker) as closed:
        channel.basic_get(stream, auto_ack=auto_ack)
    text = f"NOT_IMPLEMENTED - basic.get not supported by stream queues queue '{stream}' in vhost '/'"
    assert (closed.value.reply_code, closed.value.reply_text) == (540, text)


def test_purge_is_refused(connect: Connect, stream: str) -> None:
    channel = connect().channel()
    with pytest.raises(ConnectionClosedByBroker) as closed:
        channel.queue_purge(stream)
    text = f"NOT_IMPLEMENTED - queue.purge not supported by stream queues queue '{stream}' in vhost '/'"
    assert (closed.value.reply_code, closed.value.reply_text) == (540, text)


@pytest.mark.parametrize("offset", [True, None, [1], {"a": 1}])
def test_an_offset_of_a_type_that_is_none_ends_the_connection(
    reader: BlockingChannel, stream: str, offset: object
) -> None:
    with pytest.raises(ConnectionClosedByBroker) as closed:
        reader.basic_consume(stream, lambda *_: None, arguments={"x-stream-offset": offset})
    assert (closed.value.reply_code, closed.value.reply_text) == (541, "INTERNAL_ERROR")


@pytest.mark.parametrize(
    "argument",
    [
        {"x-message-ttl": 5},
        {"x-expires": 5},
        {"x-max-length": 5},
        {"x-dead-letter-exchange": ""},
        {"x-single-active-consumer": True},
        {"x-max-priority": 3},
        {"x-overflow": "drop-head"},
        {"x-delivery-limit": 3},
    ],
)
def test_what_only_other_queues_know_is_refused_of_a_stream(
    connect: Connect, name: Names, argument: dict[str, object]
) -> None:
    channel = connect().channel()
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.queue_declare(name.prefix, durable=True, arguments={"x-queue-type": "stream", **argument})
    what = f"invalid arg '{next(iter(argument))}' for queue '{name.prefix}' in vhost '/'"
    text = f"PRECONDITION_FAILED - {what} of queue type rabbit_stream_queue"
    assert (closed.value.reply_code, closed.value.reply_text) == (406, text)


def test_a_consumer_of_a_stream_has_no_priority(reader: BlockingChannel, stream: str) -> None:
    with pytest.raises(ChannelClosedByBroker) as closed:
        reader.basic_consume(stream, lambda *_: None, arguments={"x-priority": 5})
    what = f"invalid arg 'x-priority' for queue '{stream}' in vhost '/'"
    text = f"PRECONDITION_FAILED - {what} of queue type rabbit_stream_queue"
    assert (closed.value.reply_code, closed.value.reply_text) == (406, text)


def test_exclusive_consumers_are_not_exclusive_on_a_stream(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish(channel, stream, "a")
    all_reads = [attach(reader, stream, "first", exclusive=exclusive) for exclusive in (True, False, True)]
    for reads in all_reads:
        wait_for(reader, reads, 1)
    assert [bodies(reads) for reads in all_reads] == ["a", "a", "a"]


# The queue


def test_declaring_tells_the_messages_and_no_consumers(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish(channel, stream, *range(3))
    reads = attach(reader, stream, "first")
    wait_for(reader, reads, 3)
    # RabbitMQ counts every few seconds.
    settle(channel, stream, 3)
    assert channel.queue_declare(stream, passive=True).method.consumer_count == 0


def test_a_stream_is_deleted_whatever_is_in_it_and_its_consumers_are_told(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish(channel, stream, *range(3))
    cancelled: list[str] = []
    reader.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    tag = reader.basic_consume(stream, lambda *_: None)
    deleted = channel.queue_delete(stream, if_unused=True, if_empty=True)
    while not cancelled:
        reader.connection.process_data_events(1)
    assert (deleted.method.message_count, cancelled) == (0, [tag])


def test_publishing_to_a_stream_is_confirmed(channel: BlockingChannel, reader: BlockingChannel, stream: str) -> None:
    channel.confirm_delivery()
    for mode in (1, 2, None):
        channel.basic_publish("", stream, str(mode).encode(), BasicProperties(delivery_mode=mode))
    assert read(reader, stream, "first", 3) == ["1", "2", "None"]


# Retention


def test_a_stream_over_its_length_loses_its_oldest_segments(
    channel: BlockingChannel, reader: BlockingChannel, declare: Declare
) -> None:
    stream = declare(x_max_length_bytes=20_000, x_stream_max_segment_size_bytes=5_000)
    publish(channel, stream, *(f"{number:04}" + "x" * 996 for number in range(60)))
    first = _first_number_above(channel, reader, stream, 0)
    assert 35 <= first <= 55


def test_an_offset_that_is_gone_is_the_first_that_is_left(
    channel: BlockingChannel, reader: BlockingChannel, declare: Declare
) -> None:
    stream = declare(x_max_length_bytes=20_000, x_stream_max_segment_size_bytes=5_000)
    publish(channel, stream, *(f"{number:04}" + "x" * 996 for number in range(60)))
    first = _first_number_above(channel, reader, stream, 0)
    assert int(read(reader, stream, 3, 1)[0][:4]) == first


def test_old_messages_go_with_a_segment_that_is_begun(
    channel: BlockingChannel, reader: BlockingChannel, declare: Declare
) -> None:
    stream = declare(x_max_age="1s", x_stream_max_segment_size_bytes=5_000)
    publish(channel, stream, *(f"{number:04}" + "x" * 996 for number in range(20)))
    deadline_s = time.monotonic() + RETENTION_TIMEOUT_S
    for number in itertools.count(20):
        assert time.monotonic() < deadline_s, "messages of more than a second ago are still there"
        publish(channel, stream, f"{number:04}" + "x" * 996)
        if int(read(reader, stream, "first", 1)[0][:4]) >= 5:
            break


def _first_number_above(channel: BlockingChannel, reader: BlockingChannel, stream: str, number: int) -> int:
    """The number of the first message that is left, once that is above a number: RabbitMQ looks a moment later."""
    deadline_s = time.monotonic() + SETTLE_TIMEOUT_S
    while (first := int(read(reader, stream, "first", 1)[0][:4])) <= number:
        assert time.monotonic() < deadline_s, "the stream keeps more than it should"
    return first


# Filters


@pytest.fixture
def filters(series: tuple[int, int]) -> None:
    """RabbitMQ has filters since 3.13."""
    if series < (3, 13):
        pytest.skip("RabbitMQ before 3.13 has no stream filters")


def publish_filtered(channel: BlockingChannel, stream: str, *values: str | None) -> None:
    """Publish a message for each value, which is its body too."""
    for value in values:
        headers = {"x-stream-filter-value": value} if value is not None else {}
        publish(channel, stream, value, headers=headers)


@pytest.mark.usefixtures("filters")
def test_a_filter_leaves_out_what_has_another_value(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish_filtered(channel, stream, "red", "blue", None, "green", "red")
    reads = attach(reader, stream, "first", arguments={"x-stream-filter": "red"})
    wait_for(reader, reads, 2)
    assert [(one.offset, one.body) for one in reads] == [(0, "red"), (4, "red")]


@pytest.mark.usefixtures("filters")
def test_a_filter_may_have_several_values(channel: BlockingChannel, reader: BlockingChannel, stream: str) -> None:
    publish_filtered(channel, stream, "red", "blue", None, "green", "red")
    reads = attach(reader, stream, "first", arguments={"x-stream-filter": ["red", "green"]})
    wait_for(reader, reads, 3)
    assert bodies(reads) == "red green red"


@pytest.mark.usefixtures("filters")
def test_a_filter_may_let_through_what_has_no_value(
    channel: BlockingChannel, reader: BlockingChannel, stream: str
) -> None:
    publish_filtered(channel, stream, "red", "blue", None, "green", "red")
    arguments = {"x-stream-filter": "green", "x-stream-match-unfiltered": True}
    reads = attach(reader, stream, "first", arguments=arguments)
    wait_for(reader, reads, 2)
    assert bodies(reads) == "None green"


@pytest.mark.usefixtures("filters")
def test_what_is_filtered_out_takes_no_credit(channel: BlockingChannel, connect: Connect, stream: str) -> None:
    publish_filtered(channel, stream, *["blue"] * 5, "red", *["blue"] * 5, "red")
    reader = connect().channel()
    reader.basic_qos(prefetch_count=2)
    reads = attach(reader, stream, "first", arguments={"x-stream-filter": "red"})
    wait_for(reader, reads, 2)
    assert [one.offset for one in reads] == [5, 11]
