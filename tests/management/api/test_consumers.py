"""/api/consumers."""

from amqpbroker.wire.methods import Basic, Queue
from amqpbroker.wire.tables import from_python
from tests.helpers.busy_broker import busy_broker


async def test_a_consumer_is_told_with_its_queue_and_its_channel() -> None:
    async with busy_broker() as busy:
        consumer = (await busy.get("consumers"))[0]
        assert consumer["queue"] == {"name": "classic", "vhost": "/"}
        told = ("consumer_tag", "ack_required", "exclusive", "prefetch_count", "arguments", "activity_status")
        assert [consumer[name] for name in told] == ["ctag", True, False, 2, {}, "up"]
        assert consumer["consumer_timeout"] == 1_800_000
        assert consumer["channel_details"]["connection_name"] == busy.connection


async def test_they_come_by_queue() -> None:
    async with busy_broker() as busy:
        found = await busy.get("consumers/%2F?columns=queue.name")
        assert found == [{"queue": {"name": name}} for name in ("classic", "priorities", "quorum")]


async def test_of_single_active_consumers_one_is_active() -> None:
    async with busy_broker() as busy:
        arguments = from_python({"x-single-active-consumer": True}).value
        await busy.amqp.call(1, Queue.Declare(queue="a", durable=True, arguments=arguments))
        for tag in ("first", "second"):
            await busy.amqp.call(1, Basic.Consume(queue="a", consumer_tag=tag))
        found = await busy.get("consumers?columns=active,activity_status")
        assert found[:2] == [
            {"active": True, "activity_status": "single_active"},
            {"active": False, "activity_status": "waiting"},
        ]
