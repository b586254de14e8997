"""What was counted: of everything, and of what is gone."""

from amqpbroker.management.statistics.counters import OF_EXCHANGES, churn, counters_of, message_stats, traffic_of
from amqpbroker.model.counters import Counters
from tests.helpers.busy_broker import busy_broker


async def test_what_was_counted_is_told_with_rates() -> None:
    counters = Counters()
    counters.publish_in, counters.publish_out = 3, 4
    rate = {"rate": 0.0}
    expected = {"publish_in": 3, "publish_in_details": rate, "publish_out": 4, "publish_out_details": rate}
    assert message_stats(counters, OF_EXCHANGES) == expected


async def test_publishes_and_deliveries_are_counted_everywhere() -> None:
    async with busy_broker() as busy:
        for path in ("overview", "queues/%2F/classic"):
            stats = (await busy.get(path))["message_stats"]
            assert (stats["publish"], stats["deliver"], stats["deliver_get"], stats["ack"]) == (5, 2, 2, 0)
        stats = (await busy.get("exchanges/%2F/amq.default"))["message_stats"]
        assert (stats["publish_in"], stats["publish_out"]) == (5, 5)
        assert (await busy.get("channels"))[0]["message_stats"]["confirm"] == 5


async def test_what_is_gone_still_counts() -> None:
    async with busy_broker() as busy:
        vhost = busy.server.broker.vhosts["/"]
        before = counters_of(vhost, busy.server.broker.connections).publish
        received = traffic_of(vhost, busy.server.broker.connections).recv_oct
        await busy.http.delete("/api/connections/username/guest")
        assert (counters_of(vhost, ()).publish, before) == (5, 5)
        assert traffic_of(vhost, ()).recv_oct == received > 0


async def test_what_comes_and_goes_is_counted() -> None:
    async with busy_broker() as busy:
        told = churn(busy.server.broker)
        assert (told["connection_created"], told["channel_created"], told["queue_created"]) == (1, 1, 4)
        await busy.http.delete("/api/queues/%2F/stream")
        assert (await busy.get("overview"))["churn_rates"]["queue_deleted"] == 1
        assert (await busy.get("nodes"))[0]["queue_deleted"] == 1


async def test_who_has_logged_in_is_counted() -> None:
    async with busy_broker() as busy:
        attempts = await busy.get(f"auth/attempts/{busy.server.broker.node_name}")
        amqp = next(one for one in attempts if one["protocol"] == "amqp091")
        assert (amqp["auth_attempts"], amqp["auth_attempts_failed"]) == (1, 0)
