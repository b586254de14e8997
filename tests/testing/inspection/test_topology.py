"""Exchanges and bindings."""

import pika

from amqpbroker.testing.inspection.topology import BindingState


def test_exchanges_are_there_by_name(broker, channel):
    channel.exchange_declare("orders", "topic", durable=True, arguments={"alternate-exchange": "lost"})
    state = broker.exchanges["orders"]
    assert (state.type, state.durable, state.internal, state.alternate) == ("topic", True, False, "lost")
    assert "amq.topic" in broker.exchanges


def test_what_is_delayed_is_counted(broker, channel):
    channel.exchange_declare("later", "x-delayed-message", arguments={"x-delayed-type": "fanout"})
    channel.basic_publish("later", "", b"1", pika.BasicProperties(headers={"x-delay": 1_000}))
    assert broker.exchanges["later"].delayed == 1
    broker.clock.advance("1s")
    assert broker.exchanges["later"].delayed == 0


def test_bindings(broker, channel):
    channel.queue_declare("tasks")
    channel.queue_bind("tasks", "amq.topic", "a.*", arguments={"n": 1})
    assert broker.bindings == [BindingState("amq.topic", "tasks", "queue", "a.*", {"n": 1})]
    assert str(broker.bindings[0]) == "'amq.topic' --'a.*' {'n': 1}--> queue 'tasks'"
