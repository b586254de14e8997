"""What is measured of traffic that is known, on a clock turned by hand: every time is what it has to be."""

import pytest

from amqpbroker.capacity.measuring.traffic import QueueTraffic
from amqpbroker.capacity.measuring.watching import TrafficTap
from amqpbroker.wire.methods import Basic, Queue
from amqpbroker.wire.tables import Field, Table, long_string
from tests.helpers.sessions import bind, consume, declare_exchange, opened, publish_numbers, with_queue
from tests.helpers.wire_client import WireClient, publish_octets

TO_TASKS = Basic.Publish(exchange="", routing_key="tasks")


def measured(client: WireClient, name: str = "tasks") -> QueueTraffic:
    """What is measured of a queue, from now on."""
    vhost = client.vhost
    return TrafficTap(vhost, client.clock).measure(vhost.queues[name], client.clock.now_s())


def with_arguments(arguments: Table, **how: bool) -> WireClient:
    client = opened()
    client.send(1, Queue.Declare(queue="tasks", arguments=arguments, nowait=True, **how))
    return client


def publish_each(client: WireClient, *gaps_s: float, **values: int) -> None:
    """A message, and after each of these times another one."""
    client.publish(1, "", "tasks", b"same", **values)
    for gap_s in gaps_s:
        client.advance(gap_s)
        client.publish(1, "", "tasks", b"same", **values)


def ack(client: WireClient, tag: int, *, after_s: float, multiple: bool = False) -> None:
    client.advance(after_s)
    client.send(1, Basic.Ack(delivery_tag=tag, multiple=multiple))


# Arrivals


def test_times_between_arrivals() -> None:
    traffic = measured(client := with_queue())
    publish_each(client, 2.0, 1.0, 3.0)
    assert traffic.gaps.last_s == [2.0, 1.0, 3.0]
    assert (traffic.arrived, traffic.bursts, traffic.watched_s(client.clock.now_s())) == (4, 4, 6.0)


def test_what_comes_in_one_read_comes_at_once() -> None:
    traffic = measured(client := with_queue())
    for _ in range(2):
        client.feed(publish_octets(1, TO_TASKS, b"one") * 2 + publish_octets(1, TO_TASKS, b"other one"))
        client.advance(1.0)
    assert traffic.gaps.last_s == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert (traffic.arrived, traffic.bursts) == (6, 2)


def test_one_message_arrives_in_each_of_its_queues() -> None:
    client = with_queue()
    client.send(1, Queue.Declare(queue="other", nowait=True))
    bind(client, "amq.fanout", "tasks")
    bind(client, "amq.fanout", "other")
    tasks, other = measured(client), measured(client, "other")
    publish_numbers(client, 1)
    client.publish(1, "amq.fanout", "", b"both")
    assert (tasks.arrived, other.arrived) == (2, 1)


def test_dead_letters_arrive_where_they_go() -> None:
    client = with_queue(name="dead")
    declare_exchange(client, "dlx")
    bind(client, "dlx", "dead")
    dying = {"x-message-ttl": Field("I", 1_000), "x-dead-letter-exchange": long_string("dlx")}
    client.send(1, Queue.Declare(queue="tasks", arguments=dying, nowait=True))
    tasks, dead = measured(client), measured(client, "dead")
    publish_each(client, 0.5)
    client.advance(2.0)
    assert (tasks.given_up, dead.arrived, dead.gaps.last_s) == (2, 2, [0.5])


# Waits


def test_a_wait_is_from_publishing_to_delivery_whoever_gets_it() -> None:
    traffic = measured(client := with_queue())
    publish_each(client, 2.0, 1.0)
    consume(client, "one", no_ack=True)
    publish_each(client)
    client.advance(1.0)
    assert traffic.waits.last_s == [3.0, 1.0, 0.0, 0.0]


def test_consumers_that_are_served_together_have_waited_each_their_own_time() -> None:
    client = with_queue()
    other = opened(client.server)
    consume(client, "one", no_ack=True)
    consume(other, "two", no_ack=True)
    client.vhost.queues["tasks"].pause()
    traffic = measured(client)
    publish_each(client, 4.0, 2.0, 1.0)
    client.vhost.queues["tasks"].resume()
    assert sorted(traffic.waits.last_s) == [0.0, 1.0, 3.0, 7.0]


def test_messages_that_were_there_before_have_waited_nobody_knows_how_long() -> None:
    traffic = measured(client := with_queue(count=3))
    client.advance(1.0)
    publish_each(client, 1.0)
    client.advance(1.0)
    consume(client, "one", no_ack=True)
    assert traffic.waits.last_s == [2.0, 1.0]


def test_a_purge_takes_its_messages_out_of_the_count() -> None:
    traffic = measured(client := with_queue())
    publish_each(client, 1.0)
    client.send(1, Queue.Purge(queue="tasks", nowait=True))
    client.advance(1.0)
    publish_each(client)
    client.advance(5.0)
    consume(client, "one", no_ack=True)
    assert traffic.waits.last_s == [5.0]


def test_what_a_full_queue_drops_has_waited_for_nothing() -> None:
    traffic = measured(client := with_arguments({"x-max-length": Field("I", 1)}))
    publish_each(client, 1.0, 2.0)
    client.advance(4.0)
    consume(client, "one", no_ack=True)
    assert (traffic.waits.last_s, traffic.given_up, traffic.arrived) == ([4.0], 2, 3)


def test_duplicates_that_are_not_taken_in_do_not_wait() -> None:
    client = with_arguments({"x-message-deduplication": Field("t", True)})
    traffic = measured(client)
    for name in "aab":
        client.publish(1, "", "tasks", b"same", headers={"x-deduplication-header": long_string(name)})
        client.advance(1.0)
    consume(client, "one", no_ack=True)
    assert traffic.waits.last_s == [3.0, 1.0]


def test_what_comes_again_has_waited_before() -> None:
    traffic = measured(client := with_queue())
    publish_each(client)
    client.advance(1.0)
    consume(client, "one")
    client.advance(2.0)
    client.send(1, Basic.Nack(delivery_tag=1, requeue=True))
    assert (traffic.waits.last_s, traffic.returned) == ([1.0], 1)


@pytest.mark.parametrize(
    ("arguments", "how"),
    [({"x-max-priority": Field("b", 5)}, {}), ({"x-queue-type": long_string("quorum")}, {"durable": True})],
    ids=["classic", "quorum"],
)
def test_by_priority_each_has_waited_its_own_time(arguments: Table, how: dict[str, bool]) -> None:
    traffic = measured(client := with_arguments(arguments, **how))
    publish_each(client, 1.0, priority=1)
    publish_each(client, 2.0, priority=5)
    client.advance(4.0)
    client.send(1, Basic.Qos(prefetch_count=1))
    consume(client, "one")
    for tag in (1, 2, 3):
        ack(client, tag, after_s=10.0)
    assert sorted(traffic.waits.last_s) == ([6.0, 14.0, 27.0, 36.0])
    assert traffic.services.mean_s == 10.0


def test_messages_of_several_priorities_that_find_consumers_at_once_have_not_waited() -> None:
    client = with_arguments({"x-max-priority": Field("b", 5)})
    traffic = measured(client)
    for how in ({"no_ack": True}, {}):
        consume(client, "one", **how)
        for _ in range(3):
            client.advance(1.0)
            client.feed(b"".join(publish_octets(1, TO_TASKS, b"same", priority=level) for level in (1, 4, 1)))
        client.send(1, Basic.Cancel(consumer_tag="one", nowait=True))
    assert set(traffic.waits.last_s) == {0.0}
    assert traffic.waits.count == 18


def test_waits_begin_anew_with_another_number_of_consumers() -> None:
    traffic = measured(client := with_queue())
    publish_each(client)
    client.advance(5.0)
    consume(client, "one", no_ack=True)
    publish_each(client)
    assert (traffic.waits.last_s, traffic.consumers) == ([5.0, 0.0], 1)
    consume(client, "two", no_ack=True)
    publish_each(client)
    assert (traffic.waits.last_s, traffic.consumers) == ([0.0], 2)


# Services


def with_prefetch(count: int) -> WireClient:
    client = with_queue()
    client.send(1, Basic.Qos(prefetch_count=count))
    consume(client, "one")
    client.take()
    return client


def test_with_prefetch_1_a_service_is_from_delivery_to_acknowledgement() -> None:
    traffic = measured(client := with_prefetch(1))
    publish_each(client, 0.0, 0.0)
    ack(client, 1, after_s=2.0)
    ack(client, 2, after_s=3.0)
    client.advance(1.0)
    ack(client, 3, after_s=1.0)
    assert traffic.services.last_s == [2.0, 3.0, 2.0]
    assert traffic.waits.last_s == [0.0, 2.0, 5.0]


def test_who_has_several_works_on_one_after_the_other() -> None:
    traffic = measured(client := with_prefetch(10))
    publish_each(client, 0.0, 1.0)
    ack(client, 1, after_s=1.0)
    ack(client, 2, after_s=3.0)
    ack(client, 3, after_s=0.5)
    publish_each(client)
    ack(client, 4, after_s=4.0)
    assert traffic.services.last_s == [2.0, 3.0, 0.5, 4.0]


def test_time_without_a_message_is_nobodys_service() -> None:
    traffic = measured(client := with_prefetch(2))
    publish_each(client)
    ack(client, 1, after_s=1.0)
    client.advance(10.0)
    publish_each(client)
    ack(client, 2, after_s=2.0)
    assert traffic.services.last_s == [1.0, 2.0]


def test_what_is_acknowledged_together_shares_the_time() -> None:
    traffic = measured(client := with_prefetch(10))
    publish_each(client, 0.0, 0.0, 0.0)
    ack(client, 3, after_s=6.0, multiple=True)
    ack(client, 4, after_s=1.0)
    assert (traffic.services.last_s, traffic.together) == ([2.0, 2.0, 2.0, 1.0], 3)


def test_what_is_taken_ahead_waits_until_its_consumer_begins_with_it() -> None:
    traffic = measured(client := with_prefetch(3))
    publish_each(client, 0.0, 1.0, 1.0)
    ack(client, 1, after_s=2.0)
    ack(client, 2, after_s=3.0)
    ack(client, 4, after_s=4.0, multiple=True)
    assert traffic.waits.last_s == [0.0, 0.0, 0.0, 2.0]
    assert traffic.starts.last_s == [0.0, 4.0, 6.0, 7.0]


def test_where_a_delivery_is_the_start_there_is_nothing_to_add() -> None:
    traffic = measured(client := with_prefetch(1))
    publish_each(client)
    ack(client, 1, after_s=1.0)
    assert (traffic.waits.count, traffic.starts.count) == (1, 0)


def test_a_rejection_for_good_ends_a_service_and_giving_back_does_not() -> None:
    traffic = measured(client := with_prefetch(1))
    publish_each(client)
    client.advance(1.0)
    client.send(1, Basic.Reject(delivery_tag=1, requeue=True))
    client.advance(2.0)
    client.send(1, Basic.Reject(delivery_tag=2, requeue=False))
    assert (traffic.services.last_s, traffic.returned, traffic.given_up) == ([2.0], 1, 0)


def test_a_client_that_goes_gives_back_what_it_had() -> None:
    traffic = measured(client := with_prefetch(2))
    publish_each(client, 1.0)
    client.vanish()
    assert (traffic.services.count, traffic.returned) == (0, 2)


def test_who_acknowledges_nothing_tells_of_no_service() -> None:
    traffic = measured(client := with_queue())
    consume(client, "one", no_ack=True)
    publish_each(client, 1.0)
    assert (traffic.services.count, traffic.unacknowledged) == (0, 2)


def test_what_is_fetched_is_no_work_of_a_consumer() -> None:
    traffic = measured(client := with_queue())
    publish_each(client)
    client.advance(2.0)
    client.send(1, Basic.Get(queue="tasks"))
    ack(client, 1, after_s=1.0)
    assert (traffic.fetched, traffic.services.count, traffic.waits.last_s) == (1, 0, [2.0])


def test_a_service_that_had_begun_before_is_not_measured() -> None:
    client = with_prefetch(1)
    publish_each(client, 0.0)
    client.advance(1.0)
    traffic = measured(client)
    ack(client, 1, after_s=1.0)
    ack(client, 2, after_s=3.0)
    assert traffic.services.last_s == [3.0]


def test_what_was_taken_ahead_before_began_nobody_knows_when() -> None:
    client = with_prefetch(3)
    publish_each(client, 0.0)
    traffic = measured(client)
    publish_each(client)
    ack(client, 2, after_s=1.0, multiple=True)
    ack(client, 3, after_s=2.0)
    publish_each(client)
    ack(client, 4, after_s=1.0)
    assert (traffic.starts.last_s, traffic.services.last_s) == ([0.0], [2.0, 1.0])


# Stretches


def test_nothing_is_made_up_for_the_time_in_which_nobody_watched() -> None:
    client = with_prefetch(1)
    traffic = measured(client)
    publish_each(client, 1.0)
    traffic.pause(client.clock.now_s())
    client.advance(100.0)
    traffic.resume(client.clock.now_s())
    ack(client, 1, after_s=1.0)
    publish_each(client, 2.0)
    ack(client, 2, after_s=1.0)
    assert traffic.gaps.last_s == [1.0, 2.0]
    assert traffic.services.last_s == [3.0]
    assert (traffic.watched_s(client.clock.now_s()), traffic.stretches) == (5.0, 2)
