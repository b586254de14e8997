"""Metrics of exchanges and virtual hosts."""

from tests.helpers.busy_broker import busy_broker
from tests.helpers.metrics import scraped, value


async def test_exchanges_and_virtual_hosts_are_told() -> None:
    async with busy_broker() as busy:
        asked = ["exchange_metrics", "exchange_bindings", "vhost_status"]
        families = await scraped(busy.server, "detailed", family=asked)
        assert value(families, "rabbitmq_detailed_exchange_messages_published_total", exchange="") == 5
        assert value(families, "rabbitmq_cluster_exchange_bindings", exchange="amq.fanout", type="fanout") == 0
        assert value(families, "rabbitmq_cluster_vhost_status", vhost="/") == 1
