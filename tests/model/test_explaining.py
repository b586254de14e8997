"""Why a message reaches its queues, step by step, held to what `route` says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.explaining import BY_ALTERNATE, BY_BINDING, BY_NAME, LOOKS_MAX, Explanation, explain
from amqpbroker.wire.methods import Exchange, Queue
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Table, long_string
from tests.helpers.sessions import bind, declare_exchange, with_queue
from tests.helpers.wire_client import WireClient


def told(client: WireClient, exchange: str, key: str, headers: Table | None = None) -> Explanation:
    vhost = client.vhost
    return explain(vhost, vhost.exchanges[exchange], (key,), Properties(headers=headers))


def steps(explanation: Explanation) -> list[tuple[str, str, str, str | None]]:
    return [
        (step.exchange, step.how, step.destination.name, step.binding and step.binding.routing_key)
        for step in explanation.steps
    ]


def test_the_default_exchange_goes_by_name() -> None:
    client = with_queue()
    assert steps(told(client, "", "tasks")) == [("", BY_NAME, "tasks", None)]
    assert told(client, "", "other") == Explanation()


def test_of_several_bindings_those_that_match_are_named() -> None:
    client = with_queue()
    for pattern in ("order.#", "order.*", "invoice.*"):
        bind(client, "amq.topic", "tasks", pattern)
    found = told(client, "amq.topic", "order.paid")
    assert [key for _, _, _, key in steps(found)] == ["order.#", "order.*"]
    assert list(found.queue_names) == ["tasks"]


def test_a_single_binding_needs_no_second_look() -> None:
    client = with_queue()
    bind(client, "amq.direct", "tasks", "one")
    assert steps(told(client, "amq.direct", "one")) == [("amq.direct", BY_BINDING, "tasks", "one")]
    assert steps(told(client, "amq.direct", "two")) == []


def test_what_goes_nowhere_goes_by_the_alternate_exchange() -> None:
    client = with_queue()
    arguments = {"alternate-exchange": long_string("amq.fanout")}
    client.send(1, Exchange.Declare(exchange="orders", exchange_type="direct", arguments=arguments, nowait=True))
    bind(client, "amq.fanout", "tasks")
    assert steps(told(client, "orders", "any")) == [
        ("orders", BY_ALTERNATE, "amq.fanout", None),
        ("amq.fanout", BY_BINDING, "tasks", ""),
    ]


def test_exchanges_in_a_ring_are_left() -> None:
    client = with_queue()
    for name, other in (("one", "two"), ("two", "one")):
        declare_exchange(client, name)
        declare_exchange(client, other)
        client.send(1, Exchange.Bind(destination=other, source=name, routing_key="", nowait=True))
    assert [(step[0], step[2]) for step in steps(told(client, "one", ""))] == [("one", "two"), ("two", "one")]


def test_no_more_steps_than_were_asked_for() -> None:
    client = with_queue()
    for key in "abc":
        bind(client, "amq.fanout", "tasks", key)
    found = explain(client.vhost, client.vhost.exchanges["amq.fanout"], ("",), Properties(), 2)
    assert (len(found.steps), found.is_complete) == (2, False)


def test_of_too_many_bindings_none_is_named() -> None:
    client = with_queue()
    for number in range(LOOKS_MAX + 1):
        bind(client, "amq.topic", "tasks", f"order.{number}")
    assert steps(told(client, "amq.topic", "order.7")) == [("amq.topic", BY_BINDING, "tasks", None)]


KEYS = ("", "a", "a.b", "a.b.c", "b")
PATTERNS = (*KEYS, "#", "a.#", "*.b", "a.*")


@pytest.mark.parametrize("kind", ["amq.direct", "amq.fanout", "amq.topic", "amq.headers"])
@given(bound=st.lists(st.tuples(st.sampled_from(["one", "two"]), st.sampled_from(PATTERNS))), key=st.sampled_from(KEYS))
def test_it_says_what_routing_does(kind: str, bound: list[tuple[str, str]], key: str) -> None:
    client = with_queue(name="one")
    client.send(1, Queue.Declare(queue="two", nowait=True))
    for queue, pattern in bound:
        bind(client, kind, queue, pattern)
    routing = client.vhost.route(client.vhost.exchanges[kind], (key,), Properties())
    assert tuple(told(client, kind, key).queue_names) == routing.queue_names
