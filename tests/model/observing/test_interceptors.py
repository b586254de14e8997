"""What the server writes into messages."""

import pytest

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.observing.interceptors import Interceptors
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, Table
from tests.helpers.sessions import consume, with_queue
from tests.helpers.wire_client import Received, WireClient

NOW_MS = 1_700_000_000_500
STAMPED: Table = {"timestamp_in_ms": Field("l", NOW_MS)}
ROUTED: Table = {"x-routed-by": Field("S", b"rabbit@here")}
OTHERS: Table = {"timestamp_in_ms": Field("I", 1), "x-routed-by": Field("S", b"rabbit@there"), "a": Field("t", True)}


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_time_is_written_where_there_is_none(overwrite: bool) -> None:
    properties = Interceptors("rabbit@here", timestamp=overwrite).incoming(Properties(type="t"), NOW_MS)
    assert properties == Properties(type="t", headers=STAMPED, timestamp=NOW_MS // 1000)


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_node_is_written_where_there_is_none(overwrite: bool) -> None:
    properties = Interceptors("rabbit@here", routing_node=overwrite).incoming(Properties(timestamp=5), NOW_MS)
    assert properties == Properties(headers=ROUTED, timestamp=5)


def test_what_the_publisher_has_set_is_kept_each_for_itself() -> None:
    keeping = Interceptors("rabbit@here", timestamp=False, routing_node=False)
    assert keeping.incoming(Properties(headers=OTHERS, timestamp=5), NOW_MS) == Properties(headers=OTHERS, timestamp=5)
    assert keeping.incoming(Properties(headers=OTHERS), NOW_MS).timestamp == NOW_MS // 1000
    assert keeping.incoming(Properties(timestamp=5), NOW_MS) == Properties(headers=STAMPED | ROUTED, timestamp=5)


def test_or_overwritten() -> None:
    overwriting = Interceptors("rabbit@here", timestamp=True, routing_node=True)
    expected = Properties(headers=OTHERS | STAMPED | ROUTED, timestamp=NOW_MS // 1000)
    assert overwriting.incoming(Properties(headers=OTHERS, timestamp=5), NOW_MS) == expected


# Through a connection


def intercepting(**what: bool) -> WireClient:
    client = with_queue()
    client.broker.interceptors = Interceptors("rabbit@here", **what)
    consume(client, "ctag")
    client.open_channel(2)
    return client


def delivered(client: WireClient) -> list[Properties]:
    return [event.properties for event in client.take() if isinstance(event, Received)]


def test_a_message_without_properties_has_them_when_it_is_delivered() -> None:
    client = intercepting(timestamp=True, routing_node=True)
    client.publish(2, "", "tasks", b"1")
    now_ms = client.clock.unix_ms()
    headers = {"timestamp_in_ms": Field("l", now_ms)} | ROUTED
    assert delivered(client) == [Properties(headers=headers, timestamp=now_ms // 1000)]


def test_every_message_is_stamped_when_it_comes_however_alike_they_are() -> None:
    client = intercepting(timestamp=True)
    client.publish(2, "", "tasks", b"1")
    client.advance(2)
    client.publish(2, "", "tasks", b"1")
    first, second = [properties.timestamp for properties in delivered(client)]
    assert first is not None
    assert second == first + 2


def test_bcc_goes_and_the_rest_stays() -> None:
    client = intercepting(routing_node=True)
    client.publish(2, "", "nowhere", b"1", headers={"BCC": Field("A", [Field("S", b"tasks")])}, message_id="7")
    assert delivered(client) == [Properties(headers=ROUTED, message_id="7")]


def test_a_headers_exchange_can_look_at_the_node() -> None:
    client = intercepting(routing_node=True)
    arguments = {"x-match": Field("S", b"all-with-x")} | ROUTED
    client.vhost.bind(Binding("amq.headers", Destination("queue", "tasks"), "", arguments))
    client.publish(2, "amq.headers", "", b"1")
    assert len(delivered(client)) == 1


def test_what_the_broker_publishes_is_left_as_it_is() -> None:
    client = intercepting(timestamp=True)
    client.vhost.publish_from_server("", "tasks", Properties(), b"1")
    client.server.finish_turn()
    assert delivered(client) == [Properties()]
