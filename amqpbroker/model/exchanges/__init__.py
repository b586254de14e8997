"""The types of exchange that can be declared, by name; and the default exchange, which cannot."""

from typing import Final

from amqpbroker.model.exchange import Exchange
from amqpbroker.model.exchanges.at_random import LocalRandomExchange, RandomExchange
from amqpbroker.model.exchanges.consistent_hash import ConsistentHashExchange
from amqpbroker.model.exchanges.deduplication import DeduplicationExchange
from amqpbroker.model.exchanges.delayed import DelayedExchange
from amqpbroker.model.exchanges.direct import DefaultExchange, DirectExchange
from amqpbroker.model.exchanges.fanout import FanoutExchange
from amqpbroker.model.exchanges.headers import HeadersExchange
from amqpbroker.model.exchanges.modulus_hash import ModulusHashExchange
from amqpbroker.model.exchanges.recent_history import RecentHistoryExchange
from amqpbroker.model.exchanges.topic import TopicExchange

__all__ = ["EXCHANGE_TYPES", "DefaultExchange", "DirectExchange", "FanoutExchange", "HeadersExchange", "TopicExchange"]

EXCHANGE_TYPES: Final[dict[str, type[Exchange]]] = {
    exchange.type: exchange
    for exchange in (
        DirectExchange,
        FanoutExchange,
        HeadersExchange,
        TopicExchange,
        ConsistentHashExchange,
        DeduplicationExchange,
        DelayedExchange,
        LocalRandomExchange,
        ModulusHashExchange,
        RandomExchange,
        RecentHistoryExchange,
    )
}
