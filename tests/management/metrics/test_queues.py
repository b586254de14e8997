"""Metrics of queues: each for itself, and all together with those that are gone."""

from tests.helpers.management import api, declare, get, publish
from tests.helpers.metrics import scraped, value


async def test_lengths_and_sizes_are_told() -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        await declare(client, "empty")
        await publish(client, "tasks", "12345", "123", timestamp=1_700_000_000)
        families = await scraped(server, "per-object")
        assert value(families, "rabbitmq_queue_messages_ready", vhost="/", queue="tasks") == 2
        assert value(families, "rabbitmq_queue_messages_ready_bytes", queue="tasks") == 8
        assert value(families, "rabbitmq_queue_head_message_timestamp", queue="tasks") == 1_700_000_000
        assert value(families, "rabbitmq_queue_messages", queue="empty") == 0
        assert value(families, "rabbitmq_queue_info", queue="tasks", queue_type="rabbit_classic_queue") == 1
        families = await scraped(server)
        assert value(families, "rabbitmq_queue_messages_ready") == 2


async def test_what_deleted_queues_have_counted_stays_in_the_sum() -> None:
    async with api() as (server, client):
        await declare(client, "tasks")
        await publish(client, "tasks", "1", "2", "3")
        await get(client, "tasks", 2, "ack_requeue_false")
        before = await scraped(server)
        await client.delete("/api/queues/%2F/tasks")
        after = await scraped(server)
        for families in (before, after):
            assert value(families, "rabbitmq_queue_messages_published_total") == 3
            assert value(families, "rabbitmq_queue_get_total") == 2
        assert value(after, "rabbitmq_queue_messages") == 0
