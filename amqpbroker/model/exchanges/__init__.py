"""The types of exchange that can be declared, by name; and the default exchange, which cannot."""

from typing import Final

from amqpbroker.model.exchange import Exchange
from amqpbroker.model.exchanges.direct import DefaultExchange, DirectExchange
from amqpbroker.model.exchanges.fanout import FanoutExchange
from amqpbroker.model.exchanges.headers import HeadersExchange
from amqpbroker.model.exchanges.topic import TopicExchange

__all__ = ["EXCHANGE_TYPES", "DefaultExchange", "DirectExchange", "FanoutExchange", "HeadersExchange", "TopicExchange"]

EXCHANGE_TYPES: Final[dict[str, type[Exchange]]] = {
    exchange.type: exchange for exchange in (DirectExchange, FanoutExchange, HeadersExchange, TopicExchange)
}
