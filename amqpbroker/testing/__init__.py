"""The broker inside a test suite: in this process, ready at once, looked into, its time and its faults in your hand.

    from amqpbroker.testing import Broker

    with Broker() as broker:
        connection = pika.BlockingConnection(pika.URLParameters(broker.url))

`Broker` has a thread and a loop of its own; `AsyncBroker` lives on its caller's.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amqpbroker.testing.async_broker import AsyncBroker
    from amqpbroker.testing.broker import Broker
    from amqpbroker.testing.errors import BrokerStoppedError

__all__ = ["AsyncBroker", "Broker", "BrokerStoppedError"]

# Imported when first used: a suite that loads the plugin and uses no fixture pays nothing.
_WHERE = {
    "AsyncBroker": "amqpbroker.testing.async_broker",
    "Broker": "amqpbroker.testing.broker",
    "BrokerStoppedError": "amqpbroker.testing.errors",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_WHERE[name]), name)
