"""What a queue holds, in messages and octets."""

import pytest

from amqpbroker.management.statistics.queue_contents import contents_of, head_of
from amqpbroker.model.message import PERSISTENT, Message
from amqpbroker.model.queue import Queue
from amqpbroker.wire.methods import Basic
from amqpbroker.wire.methods import Queue as QueueMethods
from amqpbroker.wire.tables import from_python
from tests.helpers.wire_client import WireClient


def holding(arguments: dict[str, object], *, durable: bool = True) -> tuple[WireClient, Queue]:
    client = WireClient()
    client.connect()
    client.open_channel(1)
    declare = QueueMethods.Declare(queue="q", durable=durable, arguments=from_python(arguments).value)
    client.send(1, declare)
    for body, mode in ((b"first", 2), (b"second", 2), (b"third", 1), (b"4", 1)):
        client.publish(1, "", "q", body, delivery_mode=mode)
    return client, client.server.broker.vhosts["/"].queues["q"]


@pytest.mark.parametrize("arguments", [{}, {"x-max-priority": 5}])
def test_what_waits_is_counted(arguments: dict[str, object]) -> None:
    _, queue = holding(arguments)
    contents = contents_of(queue)
    assert (contents.ready, contents.ram, contents.messages, contents.persistent) == (4, 4, 4, 2)
    assert (contents.ready_bytes, contents.ram_bytes, contents.message_bytes, contents.persistent_bytes) == (
        17,
        17,
        17,
        8,
    )


def test_all_of_a_quorum_queue_is_persistent() -> None:
    _, queue = holding({"x-queue-type": "quorum"})
    assert contents_of(queue).persistent == 4


def test_a_stream_is_not_held_in_memory() -> None:
    _, queue = holding({"x-queue-type": "stream"})
    contents = contents_of(queue)
    assert (contents.ready, contents.ram, contents.persistent) == (4, 0, 4)


def test_what_clients_have_is_counted_apart() -> None:
    client, queue = holding({})
    client.send(1, Basic.Qos(prefetch_count=2))
    client.send(1, Basic.Consume(queue="q"))
    contents = contents_of(queue)
    assert (contents.ready, contents.unacked, contents.unacked_bytes, contents.ready_bytes) == (2, 2, 10, 6)


def test_what_was_got_is_told_by_what_waits() -> None:
    client, queue = holding({})
    client.send(1, Basic.Get(queue="q"))
    contents = contents_of(queue)
    assert (contents.unacked, contents.unacked_bytes) == (1, 4)


def test_the_head_is_the_one_that_goes_next() -> None:
    client, queue = holding({})
    client.send(1, Basic.Get(queue="q"))
    client.send(1, Basic.Nack(delivery_tag=1, requeue=True))
    head = head_of(queue)
    assert head is not None and head[2] == b"first"


def test_an_empty_queue_has_no_head() -> None:
    queue = Queue("q")
    assert head_of(queue) is None
    assert contents_of(queue).message_bytes == 0


def test_a_queue_that_is_not_durable_has_nothing_persistent() -> None:
    queue = Queue("q")
    message: Message = (b"", b"", b"body", PERSISTENT)
    queue.extend([message])
    assert contents_of(queue).persistent == 0
