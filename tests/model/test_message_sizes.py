"""Sizes of messages, run by run."""

from amqpbroker.model.message import Message
from amqpbroker.model.message_sizes import SIZE_LIMITS_BYTES, MessageSizes
from amqpbroker.wire.runs import UniformRun
from tests.helpers.sessions import publish_numbers, with_queue


def message(size_bytes: int) -> Message:
    return b"address", b"header", bytes(size_bytes), 0


def test_each_size_is_counted_below_its_limit() -> None:
    sizes = MessageSizes()
    sizes.observe([message(0)])
    sizes.observe([message(100), message(101), message(101)])
    sizes.observe(UniformRun(b"address", b"header", [bytes(10_001)] * 5, 0))
    assert sizes.counts == [2, 2, 0, 5, *[0] * (len(SIZE_LIMITS_BYTES) - 3)]
    assert sizes.total_bytes == 100 + 202 + 50_005


def test_nobody_counts_unasked() -> None:
    client = with_queue()
    assert client.vhost.message_sizes is None
    client.vhost.message_sizes = MessageSizes()
    publish_numbers(client, 3)
    assert client.vhost.message_sizes.counts[0] == 3
