"""Counters of the whole node: they never go down."""

from tests.helpers.busy_broker import busy_broker
from tests.helpers.management import api, declare, get, publish
from tests.helpers.metrics import scraped, value

CLASSIC = "rabbit_classic_queue"


async def test_messages_are_counted_by_protocol_and_type_of_queue() -> None:
    async with busy_broker() as busy:
        families = await scraped(busy.server)
        for name in ("received", "received_confirm", "confirmed", "routed"):
            assert value(families, f"rabbitmq_global_messages_{name}_total", protocol="amqp091") == 5, name
        assert value(families, "rabbitmq_global_messages_delivered_total", queue_type=CLASSIC) == 2
        assert value(families, "rabbitmq_global_publishers") == 1


async def test_nothing_goes_down_when_all_is_gone() -> None:
    async with busy_broker() as busy:
        before = await scraped(busy.server)
        await busy.http.delete("/api/connections/username/guest")
        await busy.http.delete("/api/vhosts/%2F")
        after = await scraped(busy.server)
        names = [name for name in before if name.startswith("rabbitmq_global_messages")]
        assert len(names) > 15
        for name in names:
            for sample in before[name].samples:
                assert value(after, name, **sample.labels) >= sample.value, name
        assert value(after, "rabbitmq_global_publishers") == 0


async def test_dead_letters_are_counted_by_their_reason() -> None:
    async with api() as (server, client):
        await declare(client, "dead")
        to_dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead", "x-max-length": 2}
        await declare(client, "tasks", arguments=to_dead)
        await publish(client, "tasks", "1", "2", "3")
        await get(client, "tasks", 1, "reject_requeue_false")
        await publish(client, "dead", "4")
        await get(client, "dead", 1, "reject_requeue_false")
        families = await scraped(server)
        at_most_once = {"queue_type": CLASSIC, "dead_letter_strategy": "at_most_once"}
        assert value(families, "rabbitmq_global_messages_dead_lettered_maxlen_total", **at_most_once) == 1
        assert value(families, "rabbitmq_global_messages_dead_lettered_rejected_total", **at_most_once) == 1
        disabled = {"queue_type": CLASSIC, "dead_letter_strategy": "disabled"}
        assert value(families, "rabbitmq_global_messages_dead_lettered_rejected_total", **disabled) == 1
