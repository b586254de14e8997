"""Operators who look at a connection by the HTTP API's clients, and close it."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pika
import pyrabbit2
import pytest
from amqpstorm.management import ManagementApi

from interop_tests.conftest import Connect

# RabbitMQ counts what happened every five seconds.
SEEN_AFTER_S = 12.0


def seen(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What is looked at, as soon as it is as wanted."""
    until_s = time.monotonic() + SEEN_AFTER_S
    while not wanted(found := look()) and time.monotonic() < until_s:
        time.sleep(0.1)
    return found


def test_pyrabbit2_looks_at_a_connection_and_closes_it(management: httpx.Client, connect: Connect) -> None:
    url = management.base_url
    client = pyrabbit2.Client(f"{url.host}:{url.port}", "guest", "guest", timeout=20)
    connection = connect(client_properties={"connection_name": "looked at"})
    connection.channel()

    def ours() -> list[dict[str, Any]]:
        return [one for one in client.get_connections() if one.get("user_provided_name") == "looked at"]

    (found,) = seen(ours, lambda found: bool(found) and found[0].get("channels") == 1)
    assert client.get_connection(found["name"])["user"] == "guest"
    assert [one["number"] for one in client.get_channels() if one["connection_details"]["name"] == found["name"]] == [1]
    client.delete_connection(found["name"])
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as closed:
        connection.process_data_events(5)
    assert closed.value.reply_code == 320
    assert closed.value.reply_text == "CONNECTION_FORCED - Closed via management plugin"


def test_amqpstorm_closes_a_connection_and_says_why(management: httpx.Client, connect: Connect) -> None:
    url = management.base_url
    client = ManagementApi(f"http://{url.host}:{url.port}", "guest", "guest")
    connection = connect(client_properties={"connection_name": "to be closed"})

    def ours() -> list[dict[str, Any]]:
        return [one for one in client.connection.list() if one.get("user_provided_name") == "to be closed"]

    (found,) = seen(ours, bool)
    client.connection.close(found["name"], "maintenance")
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="CONNECTION_FORCED - maintenance"):
        connection.process_data_events(5)
