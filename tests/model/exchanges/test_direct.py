"""direct and default: the routing key names the binding, or the queue."""

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchanges.direct import DefaultExchange, DirectExchange
from amqpbroker.wire.properties import Properties


def test_a_message_goes_where_its_key_is_bound() -> None:
    exchange = DirectExchange("x", False, False, False, {})
    exchange.bind(Binding("x", Destination("queue", "red"), "red", {}))
    exchange.bind(Binding("x", Destination("exchange", "reds"), "red", {}))
    exchange.bind(Binding("x", Destination("queue", "blue"), "blue", {}))
    assert list(exchange.destinations(["red"], Properties())) == [
        Destination("queue", "red"),
        Destination("exchange", "reds"),
    ]
    assert list(exchange.destinations(["re"], Properties())) == []


def test_what_is_unbound_leaves_nothing_behind() -> None:
    exchange = DirectExchange("x", False, False, False, {})
    binding = Binding("x", Destination("queue", "red"), "red", {})
    exchange.bind(binding)
    exchange.unbind(binding)
    assert exchange._by_key == {}


def test_the_default_exchange_takes_the_key_for_the_queue() -> None:
    exchange = DefaultExchange()
    assert list(exchange.destinations(["orders"], Properties())) == [Destination("queue", "orders")]
    assert (exchange.name, exchange.type, exchange.durable) == ("", "direct", True)
