"""A channel without a socket: what is asked for over HTTP goes the way of AMQP."""

import pytest

from amqpbroker.errors import ACCESS_REFUSED, NOT_FOUND, NOT_IMPLEMENTED, PRECONDITION_FAILED, AMQPError
from amqpbroker.management.direct import channel_closed, refusal_of_get
from amqpbroker.wire.methods import Queue
from amqpbroker.wire.properties import Properties
from tests.helpers.management import api, declare, direct, get, publish


async def test_a_method_is_done_for_who_asks() -> None:
    async with api() as (server, _):
        direct(server).do(Queue.Declare(queue="tasks", durable=True, nowait=True))
        assert server.broker.vhosts["/"].queues["tasks"].durable


async def test_nothing_of_it_counts_as_a_connection() -> None:
    async with api() as (server, _):
        direct(server).do(Queue.Declare(queue="tasks", durable=True, nowait=True))
        assert not server.connections and not server.broker.quotas.connections_of


async def test_what_goes_over_it_is_counted() -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        await publish(client, "tasks", "1", "2")
        await get(client, "tasks", 5, "ack_requeue_false")
        counters = server.broker.vhosts["/"].counters
        assert (counters.publish, counters.confirm, counters.get_no_ack, counters.get_empty) == (2, 2, 2, 1)


async def test_what_was_got_and_not_settled_can_be_given_back() -> None:
    async with api() as (server, _):
        channel = direct(server)
        channel.do(Queue.Declare(queue="tasks", durable=True, nowait=True))
        server.broker.vhosts["/"].publish_from_server("", "tasks", Properties(), b"1")
        assert channel.get("tasks", 5, no_ack=False) == 1
        queue = server.broker.vhosts["/"].queues["tasks"]
        assert (queue.message_count, queue.unacked) == (0, 1)
        channel.give_back()
        assert (queue.message_count, queue.unacked) == (1, 0)


@pytest.mark.parametrize(
    ("code", "told"),
    [(PRECONDITION_FAILED, "406 PRECONDITION_FAILED - text"), (NOT_IMPLEMENTED, "540 text")],
)
def test_a_fault_is_told_with_its_code(code: int, told: str) -> None:
    error = channel_closed(AMQPError(code, "text"))
    assert (error.status, error.reason) == (400, told)


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [(NOT_FOUND, 404, "NOT_FOUND - text"), (ACCESS_REFUSED, 401, "ACCESS_REFUSED - text"), (540, 400, "540 text")],
)
def test_a_get_tells_what_is_not_there_and_not_allowed(code: int, status: int, told: str) -> None:
    error = refusal_of_get(AMQPError(code, "text"))
    assert (error.status, error.reason) == (status, told)
