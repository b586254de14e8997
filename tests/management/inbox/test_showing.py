"""Entries as JSON has them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.management.inbox.inbox import Inbox
from amqpbroker.management.inbox.showing import Showing, text_of
from amqpbroker.wire.methods import Exchange, Queue
from amqpbroker.wire.tables import Field, long_string
from tests.helpers.sessions import bind, declare_exchange, with_queue
from tests.helpers.wire_client import WireClient


def watched() -> tuple[WireClient, Inbox, Showing]:
    client = with_queue()
    return client, Inbox(client.broker), Showing(client.broker)


def last(inbox: Inbox, showing: Showing) -> dict[str, Any]:
    return showing.shown(inbox.entries[-1])


def test_the_binding_is_told_that_led_to_the_queue() -> None:
    client, inbox, showing = watched()
    bind(client, "amq.topic", "tasks", "order.*")
    client.publish(1, "amq.topic", "order.paid", b"")
    told = last(inbox, showing)
    (step,) = told["why"]
    assert (step["source"], step["destination"], step["routing_key"]) == ("amq.topic", "tasks", "order.*")
    assert told["why_is_complete"]


def test_a_binding_that_is_no_more_is_not_made_up() -> None:
    client, inbox, showing = watched()
    bind(client, "amq.topic", "tasks", "order.*")
    client.publish(1, "amq.topic", "order.paid", b"")
    client.send(1, Queue.Unbind(queue="tasks", exchange="amq.topic", routing_key="order.*"))
    client.send(1, Queue.Declare(queue="later", nowait=True))
    bind(client, "amq.topic", "later", "#")
    told = last(inbox, showing)
    assert (told["queues"], told["why"], told["why_is_complete"]) == (["tasks"], [], False)


def test_a_copy_is_explained_by_the_key_of_the_copy() -> None:
    client, inbox, showing = watched()
    headers = {"CC": Field("A", [long_string("tasks")])}
    client.publish(1, "", "nobody", b"", headers=headers)
    told = last(inbox, showing)
    assert [step["destination"] for step in told["why"]] == ["tasks"]
    assert told["headers"] == {"CC": ["tasks"]}


def test_an_exchange_that_is_gone_explains_nothing() -> None:
    client, inbox, showing = watched()
    declare_exchange(client, "short", "fanout")
    client.publish(1, "short", "key", b"")
    client.send(1, Exchange.Delete(exchange="short", nowait=True))
    told = last(inbox, showing)
    assert (told["outcome"], told["exchange"], told["why"]) == ("unroutable", "short", [])


@pytest.mark.parametrize(
    ("octets", "is_whole", "expected"),
    [
        (b"text", True, ("text", "string")),
        ("ä".encode(), True, ("ä", "string")),
        ("aä".encode()[:-1], False, ("a", "string")),
        ("aä".encode()[:-1], True, ("YcM=", "base64")),
        (b"\xffabc", False, ("/2FiYw==", "base64")),
        (b"", True, ("", "string")),
    ],
)
def test_text_is_text_also_where_it_is_cut(octets: bytes, is_whole: bool, expected: tuple[str, str]) -> None:
    assert text_of(octets, is_whole=is_whole) == expected


@given(st.text(), st.integers(0, 50))
def test_the_front_of_a_text_is_always_text(text: str, cut: int) -> None:
    octets = text.encode("utf-8", "replace")
    front, encoding = text_of(octets[:cut], is_whole=cut >= len(octets))
    assert encoding == "string"
    assert octets.decode().startswith(front)
