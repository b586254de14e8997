"""`amqpbroker ping`: whether a broker answers, and takes the login."""

import time
from argparse import Namespace

from amqpbroker.cli import EXIT_OK, say
from amqpbroker.cli.client import Client
from amqpbroker.cli.tables import printable, say_json
from amqpbroker.cli.verb import SingleVerb


def run(arguments: list[str]) -> int:
    """Ask, and give the exit code."""
    return SingleVerb("ping", _ping, "Ask a broker for an answer; exit code 69 if there is none.").run(arguments)


def _ping(client: Client, options: Namespace) -> int:
    started_s = time.perf_counter()
    found = client.get("overview", columns="product_name,product_version,rabbitmq_version,node")
    took_ms = round((time.perf_counter() - started_s) * 1000, 1)
    product = f"{found.get('product_name', 'RabbitMQ')} {found.get('product_version') or found['rabbitmq_version']}"
    if options.json:
        say_json({"url": client.url, "product": product, "node": found.get("node"), "took_ms": took_ms})
    else:
        say(printable(f"{product} answers at {client.url} in {took_ms:.0f} ms"))
    return EXIT_OK
