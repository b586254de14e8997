"""Direct reply-to: requests and answers without a queue."""

import pytest

from amqpbroker.errors import ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED
from amqpbroker.session.reply_to import REPLY_TO, is_reply_to
from amqpbroker.wire.methods import Basic, Channel, Queue
from tests.helpers.sessions import consume, deliveries, fault, opened, publish_numbers, with_queue
from tests.helpers.wire_client import Received, WireClient


def requester(profile: str = "4.2") -> tuple[WireClient, str]:
    """A client that has sent a request to `tasks`, and the name to answer to."""
    client = with_queue(profile=profile)
    consume(client, "replies", name=REPLY_TO, no_ack=True)
    client.publish(1, "", "tasks", b"request", reply_to=REPLY_TO)
    client.send(1, Basic.Get(queue="tasks", no_ack=True))
    (request,) = client.take()
    assert isinstance(request, Received)
    assert request.properties.reply_to is not None
    return client, request.properties.reply_to


def test_names_to_reply_to_are_told_by_their_beginning() -> None:
    assert is_reply_to(REPLY_TO) and is_reply_to(f"{REPLY_TO}.abc")
    assert not is_reply_to("tasks")


def test_the_server_puts_a_name_of_its_own_into_the_request() -> None:
    _, name = requester()
    assert name.startswith(f"{REPLY_TO}.")


@pytest.mark.parametrize("profile", ["3.13", "4.2"])
def test_an_answer_reaches_the_requester_alone(profile: str) -> None:
    client, name = requester(profile)
    other = opened(client.server)
    consume(other, "replies", name=REPLY_TO, no_ack=True)
    other.publish(1, "", name, b"answer")
    (answer,) = client.take()
    assert isinstance(answer, Received)
    assert answer.method == Basic.Deliver(consumer_tag="replies", delivery_tag=2, routing_key=name)
    assert answer.body == b"answer"
    assert other.take() == []


@pytest.mark.parametrize(("profile", "comes_back"), [("3.13", True), ("4.2", False)])
def test_a_mandatory_answer_is_delivered_and_before_4_2_returned_too(profile: str, comes_back: bool) -> None:
    client, name = requester(profile)
    other = opened(client.server)
    other.publish(1, "", name, b"answer", mandatory=True)
    assert len(deliveries(client)) == 1
    assert len(other.take()) == comes_back


@pytest.mark.parametrize("end", ["cancel", "channel", "connection"])
def test_an_answer_to_who_is_gone_goes_nowhere(end: str) -> None:
    client, name = requester()
    match end:
        case "cancel":
            client.send(1, Basic.Cancel(consumer_tag="replies"))
        case "channel":
            client.send(1, Channel.Close())
        case "connection":
            client.vanish()
    client.take()
    other = opened(client.server)
    other.publish(1, "", name, b"answer")
    assert client.take() == other.take() == []
    assert client.broker.reply_queues == {}


def test_after_a_cancel_the_channel_may_consume_answers_again() -> None:
    client, _ = requester()
    client.send(1, Basic.Cancel(consumer_tag="replies", nowait=True))
    answer = client.call(1, Basic.Consume(queue=REPLY_TO, consumer_tag="again", no_ack=True))
    assert answer == Basic.ConsumeOk(consumer_tag="again")


@pytest.mark.parametrize(
    ("consumed", "no_ack", "text"),
    [
        (False, False, "reply consumer cannot acknowledge"),
        (True, True, "reply consumer already set"),
        (True, False, "reply consumer already set"),
    ],
)
def test_answers_are_consumed_once_and_without_acknowledgement(consumed: bool, no_ack: bool, text: str) -> None:
    client = opened()
    if consumed:
        consume(client, "replies", name=REPLY_TO, no_ack=True)
    refused = fault(client, 1, Basic.Consume(queue=REPLY_TO, no_ack=no_ack))
    assert refused == (PRECONDITION_FAILED, f"PRECONDITION_FAILED - {text}")


def test_both_names_can_be_looked_up_while_somebody_waits() -> None:
    client, name = requester()
    for one in (REPLY_TO, name):
        answer = client.call(1, Queue.Declare(queue=one, passive=True))
        assert answer == Queue.DeclareOk(queue=one, consumer_count=1)
    refused = fault(client, 1, Queue.Declare(queue=f"{REPLY_TO}.none", passive=True))
    assert refused == (NOT_FOUND, f"NOT_FOUND - no queue '{REPLY_TO}.none' in vhost '/'")


def test_a_name_to_reply_to_is_not_bound_since_4_2() -> None:
    client, name = requester()
    code, _ = fault(client, 1, Queue.Bind(queue=name, exchange="amq.direct"))
    assert code == ACCESS_REFUSED


def test_answers_wait_while_the_connection_is_full_and_come_then() -> None:
    client, name = requester()
    other = opened(client.server)
    client.session.pause_writing()
    publish_numbers(other, 3, name=name)
    assert client.take() == []
    client.session.resume_writing()
    client.server.batch.finish()
    assert [body for _, _, body, _ in deliveries(client)] == [b"1", b"2", b"3"]
