"""What the broker can do, as RabbitMQ lists it: types of exchanges, mechanisms, plugins, feature flags."""

from collections.abc import Iterable
from typing import Any, Final

from amqpbroker import __version__
from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.profiles import Profile

# RabbitMQ's plugins for what is built in here.
PLUGINS: Final = (
    "rabbitmq_consistent_hash_exchange",
    "rabbitmq_delayed_message_exchange",
    "rabbitmq_event_exchange",
    "rabbitmq_management",
    "rabbitmq_management_agent",
    "rabbitmq_prometheus",
    "rabbitmq_random_exchange",
    "rabbitmq_recent_history_exchange",
    "rabbitmq_sharding",
    "rabbitmq_web_dispatch",
)
_SPECIFIED: Final = ("direct", "fanout", "headers", "topic")


def exchange_types(profile: Profile) -> list[dict[str, Any]]:
    """Those that can be declared."""
    return [
        {"name": name, "description": _description(name), "enabled": True}
        for name, kind in sorted(EXCHANGE_TYPES.items())
        if profile.series >= kind.since
    ]


def mechanisms(enabled: Iterable[str]) -> list[dict[str, Any]]:
    """How clients can log in. enabled: by these."""
    return [{"name": name, "description": f"SASL {name} authentication mechanism", "enabled": True} for name in enabled]


def applications(profile: Profile) -> list[dict[str, Any]]:
    """What runs here: who looks for RabbitMQ finds it in the version that it behaves as."""
    return [
        {"name": "amqpbroker", "description": "AMQP 0-9-1 broker in Python", "version": __version__},
        {"name": "rabbit", "description": "RabbitMQ", "version": profile.version},
        {"name": "rabbitmq_management", "description": "RabbitMQ Management Console", "version": profile.version},
    ]


def _description(name: str) -> str:
    return f"AMQP {name} exchange, as per the AMQP specification" if name in _SPECIFIED else f"exchange of type {name}"
