"""The histogram of message sizes."""

from tests.helpers.management import api, declare, publish
from tests.helpers.metrics import scraped


async def test_sizes_are_counted_from_when_somebody_has_asked() -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        await publish(client, "tasks", "before")
        assert server.broker.vhosts["/"].message_sizes is None
        await scraped(server)
        await client.put("/api/vhosts/other")
        await publish(client, "tasks", "x" * 100, "x" * 101)
        (family,) = [one for one in (await scraped(server)).values() if one.name == "rabbitmq_message_size_bytes"]
        told = {sample.labels.get("le", sample.name): sample.value for sample in family.samples}
        assert [told[limit] for limit in ("100.0", "1000.0", "1e+08", "+Inf")] == [1, 2, 2, 2]
        assert told["rabbitmq_message_size_bytes_sum"] == 201
        assert server.broker.vhosts["other"].message_sizes is server.broker.vhosts["/"].message_sizes


async def test_both_ports_tell_the_same() -> None:
    async with api() as (server, client):
        await client.get("/metrics")
        await scraped(server)
        await declare(client, "tasks")
        await publish(client, "tasks", "body")
        assert 'rabbitmq_message_size_bytes_count{protocol="amqp091"} 1.0' in (await client.get("/metrics")).text
