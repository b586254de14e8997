"""Why a message goes where it goes, binding by binding."""

import pika
import pytest


@pytest.fixture
def orders(channel):
    channel.exchange_declare("lost", "fanout")
    channel.exchange_declare("orders", "topic", arguments={"alternate-exchange": "lost"})
    channel.queue_declare("paid", arguments={"x-dead-letter-exchange": "graves", "x-dead-letter-routing-key": "paid"})
    channel.queue_declare("all")
    channel.queue_declare("rest")
    channel.queue_bind("paid", "orders", "order.*.paid")
    channel.queue_bind("all", "orders", "order.*.paid")
    channel.queue_bind("all", "orders", "order.2.#")
    channel.queue_bind("rest", "lost")


def test_a_message_that_might_be_published(broker, orders):
    why = broker.why(exchange="orders", routing_key="order.1.paid")
    assert (why.queues, why.is_unroutable) == (("paid", "all"), False)
    assert str(why).splitlines() == [
        "exchange 'orders', routing key 'order.1.paid' reaches 'paid', 'all'",
        "  matched   'orders' --'order.*.paid'--> queue 'paid'",
        "  matched   'orders' --'order.*.paid'--> queue 'all'",
        "  did not   'orders' --'order.2.#'--> queue 'all': 'order.1.paid' does not fit the pattern 'order.2.#'",
        "  note      dying in 'paid' it goes to exchange 'graves' with routing key 'paid', which is not there: it would"
        " be gone",
    ]


def test_by_the_alternate_exchange(broker, orders):
    why = broker.why(exchange="orders", routing_key="nothing")
    assert (why.queues, [way.how for way in why.ways]) == (("rest",), ["alternate-exchange", "binding"])
    assert len(why.misses) == 3
    assert any("matched nothing, so its alternate exchange has it" in note for note in why.notes)


def test_of_the_history_it_says_when_the_topology_has_changed(broker, channel, orders):
    channel.basic_publish("orders", "order.1.paid", b"1")
    event = broker.history.published[0]
    assert broker.why(event).queues == event.queues
    channel.queue_unbind("paid", "orders", "order.*.paid")
    why = broker.why(event)
    assert (why.queues, event.queues) == (("all",), ("paid", "all"))
    assert "have changed since, then it reached 'paid', 'all'" in why.notes[0]


def test_headers(broker, channel):
    channel.queue_declare("big")
    channel.queue_bind("big", "amq.headers", arguments={"x-match": "all", "size": 9, "kind": "box"})
    channel.basic_publish("amq.headers", "", b"", pika.BasicProperties(headers={"size": 8}))
    (miss,) = broker.why(broker.history.published[0]).misses
    assert miss.reason == "x-match all: header 'size' is 8, not 9; there is no header 'kind'"
    assert broker.why(exchange="amq.headers", headers={"size": 9, "kind": "box"}).queues == ("big",)


def test_direct_fanout_and_carbon_copies(broker, channel):
    for name in ("a", "b"):
        channel.queue_declare(name)
        channel.queue_bind(name, "amq.direct", name)
    why = broker.why(exchange="amq.direct", routing_key="a")
    assert [miss.reason for miss in why.misses] == ["'a' is not 'b'"]
    assert broker.why(exchange="amq.direct", routing_key="a", headers={"CC": ["b"]}).queues == ("a", "b")


def test_the_default_exchange(broker, channel):
    channel.queue_declare("tasks")
    assert broker.why(routing_key="tasks").ways[0].how == "default-exchange"
    why = broker.why(routing_key="task")
    assert why.is_unroutable
    assert why.notes == ("the default exchange goes to the queue of that very name; there are 'tasks'",)


def test_an_exchange_that_is_not_there(broker, orders):
    assert "closed with 404; there are 'lost', 'orders'" in str(broker.why(exchange="order", routing_key="x"))


def test_a_delayed_message_waits_first(broker, channel):
    channel.exchange_declare("later", "x-delayed-message", arguments={"x-delayed-type": "direct"})
    channel.queue_declare("tasks")
    channel.queue_bind("tasks", "later", "tasks")
    why = broker.why(exchange="later", routing_key="tasks", headers={"x-delay": 5_000})
    assert (why.queues, why.notes) == (("tasks",), ("'later' keeps it for 5000 ms before it goes on",))
