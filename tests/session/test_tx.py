"""tx.*: published and acknowledged at commit, or never."""

import pytest

from amqpbroker.errors import PRECONDITION_FAILED
from amqpbroker.wire.methods import Basic, Channel, Confirm, Method, Queue, Tx
from amqpbroker.wire.tables import from_python
from tests.helpers.durable import acks, durable_client, publish, server_of, there
from tests.helpers.durable import publishes as publishes_in
from tests.helpers.sessions import bodies, consume, deliveries, fault, opened, publish_numbers, waiting, with_queue
from tests.helpers.wire_client import WireClient


def in_transaction(count: int = 0) -> WireClient:
    client = with_queue(count=count)
    client.send(1, Tx.Select())
    assert client.methods() == [Tx.SelectOk()]
    return client


def test_nobody_sees_what_is_published_before_the_commit() -> None:
    client = in_transaction()
    publish_numbers(client, 2)
    assert waiting(client) == []
    assert client.call(1, Tx.Commit()) == Tx.CommitOk()
    assert waiting(client) == [(b"1", False), (b"2", False)]


def test_what_is_rolled_back_was_never_published() -> None:
    client = in_transaction()
    publish_numbers(client, 2)
    assert client.call(1, Tx.Rollback()) == Tx.RollbackOk()
    publish_numbers(client, 1, 3)
    client.send(1, Tx.Commit())
    assert waiting(client) == [(b"3", False)]


def test_returns_come_at_commit_and_before_its_answer() -> None:
    client = in_transaction()
    client.publish(1, "amq.direct", "nowhere", b"body", mandatory=True)
    assert client.take() == []
    client.send(1, Tx.Commit())
    returned, committed = client.methods()
    assert isinstance(returned, Basic.Return)
    assert committed == Tx.CommitOk()


def test_an_ack_counts_at_commit() -> None:
    client = in_transaction(3)
    client.send(1, *[Basic.Get(queue="tasks")] * 3, Basic.Ack(delivery_tag=2, multiple=True))
    assert client.vhost.queues["tasks"].unacked == 3
    client.send(1, Tx.Commit())
    assert client.vhost.queues["tasks"].unacked == 1
    client.send(1, Channel.Close())
    assert waiting(client) == [(b"3", True)]


@pytest.mark.parametrize("how", [Basic.Ack, Basic.Reject, Basic.Nack])
def test_what_is_settled_cannot_be_settled_again_before_a_rollback(how: type[Basic.Ack]) -> None:
    client = in_transaction(1)
    client.send(1, Basic.Get(queue="tasks"), Basic.Ack(delivery_tag=1))
    client.send(1, Tx.Rollback(), how(delivery_tag=1))
    client.take()
    assert fault(client, 1, how(delivery_tag=1)) == (
        PRECONDITION_FAILED,
        "PRECONDITION_FAILED - unknown delivery tag 1",
    )


def test_credit_is_free_at_commit_and_not_before() -> None:
    client = in_transaction(3)
    client.send(1, Basic.Qos(prefetch_count=1))
    consume(client, "ctag")
    assert bodies(client) == "1"
    client.send(1, Basic.Ack(delivery_tag=1))
    assert bodies(client) == ""
    client.send(1, Tx.Commit())
    assert bodies(client) == "2"


def test_credit_is_not_free_after_a_rollback() -> None:
    client = in_transaction(3)
    client.send(1, Basic.Qos(prefetch_count=1))
    consume(client, "ctag")
    client.send(1, Basic.Ack(delivery_tag=1), Tx.Rollback())
    assert bodies(client) == "1"
    client.send(1, Basic.Ack(delivery_tag=1), Tx.Commit())
    assert bodies(client) == "2"


def test_what_is_given_back_goes_back_at_commit() -> None:
    client = in_transaction(2)
    client.send(1, *[Basic.Get(queue="tasks")] * 2, Basic.Nack(delivery_tag=2, requeue=True))
    client.send(1, Basic.Reject(delivery_tag=1, requeue=True))
    assert waiting(client) == []
    client.send(1, Tx.Commit())
    assert waiting(client) == [(b"1", True), (b"2", True)]


def test_after_a_rollback_multiple_reaches_what_it_brought_back() -> None:
    client = in_transaction(4)
    client.send(1, *[Basic.Get(queue="tasks")] * 4)
    client.send(1, Basic.Ack(delivery_tag=2, multiple=True), Basic.Ack(delivery_tag=4), Tx.Rollback())
    client.send(1, Basic.Ack(delivery_tag=3, multiple=True), Tx.Commit(), Channel.Close())
    assert waiting(client) == [(b"4", True)]


def test_tag_zero_with_multiple_is_all_that_is_left() -> None:
    client = in_transaction(3)
    client.send(1, *[Basic.Get(queue="tasks")] * 3, Basic.Ack(delivery_tag=2))
    client.send(1, Basic.Ack(delivery_tag=0, multiple=True), Basic.Ack(delivery_tag=0, multiple=True), Tx.Commit())
    assert client.vhost.queues["tasks"].unacked == 0


@pytest.mark.parametrize("close", [True, False])
def test_a_channel_that_ends_gives_back_what_was_acknowledged_and_not_committed(close: bool) -> None:
    client = in_transaction(3)
    consume(client, "ctag")
    publish_numbers(client, 1, 4)
    client.send(1, Basic.Ack(delivery_tag=2), Basic.Nack(delivery_tag=1))
    if close:
        client.send(1, Channel.Close())
    else:
        client.vanish()
    assert waiting(client) == [(b"1", True), (b"2", True), (b"3", True)]
    assert client.vhost.queues["tasks"].unacked == 0


def test_at_commit_publishes_come_before_acks() -> None:
    client = in_transaction(1)
    client.send(1, Basic.Qos(prefetch_count=1))
    consume(client, "ctag")
    client.take()
    client.send(1, Basic.Nack(delivery_tag=1, requeue=True))
    publish_numbers(client, 1, 2)
    client.send(1, Tx.Commit())
    assert [(body, redelivered) for _, _, body, redelivered in deliveries(client)] == [(b"1", True)]
    assert waiting(client) == [(b"2", False)]


def test_what_was_published_to_a_queue_that_is_gone_at_commit_is_gone() -> None:
    client = in_transaction()
    publish_numbers(client, 2)
    client.send(1, Queue.Delete(queue="tasks"))
    client.take()
    assert client.call(1, Tx.Commit()) == Tx.CommitOk()


@pytest.mark.parametrize("method", [Tx.Commit(), Tx.Rollback()])
def test_without_select_there_is_no_transaction(method: Method) -> None:
    refused = fault(opened(), 1, method)
    assert refused == (PRECONDITION_FAILED, "PRECONDITION_FAILED - channel is not transactional")


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        (Tx.Select(), Confirm.Select(), "cannot switch from tx to confirm mode"),
        (Confirm.Select(), Tx.Select(), "cannot switch from confirm to tx mode"),
    ],
)
def test_transactions_and_confirms_exclude_each_other(first: Method, second: Method, text: str) -> None:
    client = opened()
    client.send(1, first)
    client.take()
    assert fault(client, 1, second) == (PRECONDITION_FAILED, f"PRECONDITION_FAILED - {text}")


# On disk


def in_durable_transaction(count: int = 0) -> WireClient:
    client = durable_client(count)
    client.send(1, Tx.Select())
    client.take()
    return client


def test_a_commit_is_answered_when_all_of_it_is_on_disk() -> None:
    client = in_durable_transaction()
    publish(client, "1", "2")
    assert server_of(client).in_flight is None
    client.send(1, Tx.Commit())
    assert client.take() == []
    server_of(client).commit_one()
    assert client.methods() == [Tx.CommitOk()]
    assert there(server_of(client).after_a_power_cut().queue()) == ["1", "2"]


def test_what_is_published_and_acknowledged_in_a_transaction_is_one_commit() -> None:
    client = in_durable_transaction(2)
    client.send(1, *[Basic.Get(queue="tasks")] * 2)
    server_of(client).commit()
    publish(client, "3", "4")
    client.send(1, Basic.Ack(delivery_tag=2, multiple=True), Tx.Commit())
    commit = server_of(client).in_flight
    assert commit is not None
    assert sum(one.message_count for one in publishes_in(commit)) == 2
    assert list(acks(commit).values()) == [[(1, 3)]]
    server_of(client).commit_one()
    assert server_of(client).in_flight is None
    assert there(server_of(client).after_a_power_cut().queue()) == ["3", "4"]


def test_a_transaction_that_is_not_on_disk_never_was() -> None:
    client = in_durable_transaction(1)
    client.send(1, Basic.Get(queue="tasks"))
    server_of(client).commit()
    publish(client, "2")
    client.send(1, Basic.Ack(delivery_tag=1), Tx.Commit())
    assert there(server_of(client).after_a_kill().queue()) == ["1"]


def test_a_commit_of_what_is_not_written_is_answered_at_once() -> None:
    client = in_durable_transaction()
    other = opened(client.server)
    publish(other, "1")
    publish_numbers(client, 1)
    assert client.call(1, Tx.Commit()) == Tx.CommitOk()
    publish(client, "2")
    assert client.call(1, Tx.Rollback()) == Tx.RollbackOk()


def test_a_commit_waits_behind_the_one_that_is_under_way() -> None:
    client = in_durable_transaction()
    other = opened(client.server)
    publish(other, "1")
    publish(client, "2")
    client.send(1, Tx.Commit())
    server_of(client).commit_one()
    assert client.take() == []
    server_of(client).commit_one()
    assert client.methods() == [Tx.CommitOk()]


# Queues that are full, or gone, when it is committed


def full_queue(client: WireClient, **arguments: object) -> None:
    """A queue 'full' that takes one message."""
    table = from_python({"x-max-length": 1, "x-overflow": "reject-publish", **arguments}).value
    client.send(1, Queue.Declare(queue="full", arguments=table, nowait=True))


def test_a_full_queue_ends_the_channel_when_the_rest_of_the_commit_is_done() -> None:
    client = in_transaction(1)
    full_queue(client)
    client.send(1, Basic.Get(queue="tasks"), Basic.Ack(delivery_tag=1))
    for number in (b"1", b"2"):
        client.publish(1, "", "full", number)
    client.publish(1, "", "tasks", b"3")
    text = "PRECONDITION_FAILED - partial tx completion"
    assert fault(client, 1, Tx.Commit()) == (PRECONDITION_FAILED, text)
    assert (waiting(client, "full"), waiting(client)) == ([(b"1", False)], [(b"3", False)])


def test_what_names_the_fault_is_the_commit() -> None:
    client = in_transaction()
    full_queue(client)
    publish_numbers(client, 2, name="full")
    closed = client.call(1, Tx.Commit())
    assert isinstance(closed, Channel.Close)
    assert (closed.class_id, closed.method_id) == (90, 20)


def test_a_queue_that_is_full_before_the_commit_and_not_then_takes_all() -> None:
    client = in_transaction()
    other = opened(client.server)
    full_queue(client)
    publish_numbers(other, 1, name="full")
    publish_numbers(client, 1, 2, name="full")
    other.send(1, Queue.Purge(queue="full"))
    assert client.call(1, Tx.Commit()) == Tx.CommitOk()
    assert waiting(client, "full") == [(b"2", False)]


def test_a_queue_that_is_gone_by_then_takes_nothing_and_leaves_no_dead_letter() -> None:
    client = in_transaction()
    dying = {"x-message-ttl": 1_000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "tasks"}
    full_queue(client, **dying)
    publish_numbers(client, 2, name="full")
    client.send(1, Queue.Delete(queue="full", nowait=True))
    assert client.call(1, Tx.Commit()) == Tx.CommitOk()
    client.advance(2)
    assert (waiting(client), client.clock.waiting) == ([], 0)


def test_a_queue_that_is_gone_by_then_does_not_come_back_after_a_restart() -> None:
    client = in_durable_transaction()
    levels = from_python({"x-max-priority": 5}).value
    client.send(1, Queue.Declare(queue="levels", durable=True, arguments=levels, nowait=True))
    client.publish(1, "", "levels", b"body", delivery_mode=2, priority=5)
    client.send(1, Queue.Delete(queue="levels", nowait=True), Tx.Commit())
    server_of(client).commit()
    assert set(server_of(client).after_a_kill().vhost.queues) == {"tasks"}
