"""Exchange types that RabbitMQ has by a plugin from outside: a broker without it is left out, ours never is."""

import pika
import pytest


def require_exchange_type(request: pytest.FixtureRequest, url: str, name: str, kind: str, arguments: object) -> None:
    """Skips if a broker that somebody else has started knows no such type. name: of an exchange to try it with."""
    if not request.config.getoption("--amqpbroker-url", default=None):
        return
    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        connection.channel().exchange_declare(name, kind, auto_delete=True, arguments=arguments)
    except (pika.exceptions.ConnectionClosedByBroker, pika.exceptions.ChannelClosedByBroker) as refusal:
        if "unknown exchange type" not in refusal.reply_text:
            raise
        pytest.skip(f"this broker has no exchange type {kind}: it is a plugin's")
    finally:
        if connection.is_open:
            connection.close()
