"""Metrics of connections and channels."""

from tests.helpers.busy_broker import busy_broker
from tests.helpers.metrics import labels_of, scraped, value


async def test_each_channel_and_connection_is_told() -> None:
    async with busy_broker() as busy:
        (connection,) = busy.server.broker.connections
        name = {"channel": f"{connection.name} (1)"}
        families = await scraped(busy.server, "per-object")
        assert value(families, "rabbitmq_channel_messages_published_total", **name, vhost="/") == 5
        assert value(families, "rabbitmq_channel_messages_confirmed_total", **name) == 5
        assert value(families, "rabbitmq_channel_messages_unacked", **name) == 2
        assert value(families, "rabbitmq_connection_channels", channel=connection.name) == 1
        assert value(families, "rabbitmq_connection_incoming_bytes_total", channel=connection.name) > 0


async def test_what_is_closed_stays_in_the_sum() -> None:
    async with busy_broker() as busy:
        await busy.http.delete("/api/connections/username/guest")
        families = await scraped(busy.server)
        assert value(families, "rabbitmq_channel_messages_published_total") == 5
        assert value(families, "rabbitmq_connection_incoming_bytes_total") > 0
        assert value(families, "rabbitmq_channel_consumers") == 0
        families = await scraped(busy.server, "per-object")
        assert labels_of(families, "rabbitmq_channel_messages_published_total") == []
