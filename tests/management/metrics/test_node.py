"""Metrics of the node as a whole."""

from pathlib import Path

from amqpbroker.model.broker import DISK
from tests.helpers.busy_broker import busy_broker
from tests.helpers.management import api, declare, publish
from tests.helpers.metrics import scraped, value


async def test_the_process_and_its_limits_are_told() -> None:
    async with api() as (server, _):
        families = await scraped(server)
        for name in (
            "process_open_fds",
            "process_max_fds",
            "process_resident_memory_bytes",
            "resident_memory_limit_bytes",
            "disk_space_available_bytes",
            "disk_space_available_limit_bytes",
            "erlang_uptime_seconds",
        ):
            assert value(families, f"rabbitmq_{name}") > 0, name
        assert value(families, "process_start_time_seconds") > 1_700_000_000


async def test_what_comes_and_goes_is_counted() -> None:
    async with busy_broker() as busy:
        families = await scraped(busy.server)
        churn = busy.server.broker.churn
        assert value(families, "rabbitmq_connections_opened_total") == churn.connection_created == 1
        assert value(families, "rabbitmq_queues_created_total") == churn.queue_created > 0
        assert value(families, "rabbitmq_connections") == 1
        assert value(families, "rabbitmq_queues") == len(busy.server.broker.vhosts["/"].queues)


async def test_who_has_logged_in_is_told_by_protocol() -> None:
    async with busy_broker() as busy:
        families = await scraped(busy.server)
        assert value(families, "rabbitmq_auth_attempts_succeeded_total", protocol="amqp091") == 1
        assert value(families, "rabbitmq_auth_attempts_failed_total", protocol="http") == 0


async def test_alarms_are_told() -> None:
    async with api() as (server, _):
        server.broker.raise_alarm(DISK)
        families = await scraped(server)
        assert value(families, "rabbitmq_alarms_free_disk_space_watermark") == 1
        assert value(families, "rabbitmq_alarms_memory_used_watermark") == 0


async def test_the_memory_is_told_in_parts() -> None:
    async with busy_broker() as busy:
        families = await scraped(busy.server, "memory-breakdown")
        assert value(families, "rabbitmq_memory_other_system_bytes") > 1_000_000
        assert value(families, "rabbitmq_memory_classic_queue_erlang_process_bytes") > 0


async def test_commits_of_the_journal_are_writes_and_syncs(tmp_path: Path) -> None:
    async with api(memory=False, data_dir=str(tmp_path)) as (server, client):
        await declare(client, "tasks")
        await publish(client, "tasks", "body", delivery_mode=2)
        families = await scraped(server)
        assert value(families, "rabbitmq_io_sync_ops_total") == value(families, "rabbitmq_io_write_ops_total") > 0
        assert value(families, "rabbitmq_msg_store_write_total") == 1
        assert value(families, "rabbitmq_queue_disk_writes_total") == 1
