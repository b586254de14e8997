"""fanout: whatever the key."""

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchanges.fanout import FanoutExchange
from amqpbroker.wire.properties import Properties


def test_every_key_reaches_everything_bound_once() -> None:
    exchange = FanoutExchange("x", False, False, False, {})
    for key in ("a", "b"):
        exchange.bind(Binding("x", Destination("queue", "one"), key, {}))
    exchange.bind(Binding("x", Destination("queue", "two"), "", {}))
    assert list(exchange.destinations(["c"], Properties())) == [
        Destination("queue", "one"),
        Destination("queue", "two"),
    ]


def test_a_queue_bound_twice_needs_unbinding_twice() -> None:
    exchange = FanoutExchange("x", False, False, False, {})
    one, two = (Binding("x", Destination("queue", "q"), key, {}) for key in ("1", "2"))
    exchange.bind(one)
    exchange.bind(two)
    exchange.unbind(one)
    assert list(exchange.destinations([""], Properties())) == [Destination("queue", "q")]
    exchange.unbind(two)
    assert list(exchange.destinations([""], Properties())) == []
