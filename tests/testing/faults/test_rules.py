"""Rules: several at once, in their order, for so long, so often, by dice; what they have done, and the same again."""

import pytest

from amqpbroker.testing import AsyncBroker, Broker, FaultLog, FaultTargetError


def publish(channel, *bodies: bytes) -> None:
    for body in bodies:
        channel.basic_publish("", "orders", body)
    channel.queue_declare("orders")


def waiting(broker) -> list[bytes]:
    return [message.body for message in broker.messages("orders")]


def test_several_strike_in_the_order_in_which_they_were_made(broker, channel):
    publish(channel)
    with broker.faults.duplicate_publishes(every=2) as twice, broker.faults.nack_publishes(every=3) as never:
        publish(channel, b"1", b"2", b"3", b"4")
        assert waiting(broker) == [b"1", b"2", b"2", b"4", b"4"]
        assert [(hit.fault, hit.nth) for hit in broker.faults.log] == [
            ("duplicate_publishes", 2),
            ("nack_publishes", 3),
            ("duplicate_publishes", 4),
        ]
    assert ([hit.nth for hit in twice.hits], [hit.nth for hit in never.hits]) == ([2, 4], [3])


def test_one_that_is_over_lets_everything_by(broker, channel):
    publish(channel)
    rule = broker.faults.nack_publishes()
    publish(channel, b"1")
    rule.end()
    rule.end()
    publish(channel, b"2")
    assert (waiting(broker), rule.is_over) == ([b"2"], True)


def test_after_so_many_hits_it_is_over(broker, channel):
    publish(channel)
    rule = broker.faults.nack_publishes(times=2)
    publish(channel, b"1", b"2", b"3")
    assert (waiting(broker), rule.is_over) == ([b"3"], True)
    rule.assert_hit(2)


def test_what_hangs_on_one_that_has_had_its_times_hangs_there_until_it_is_ended(broker, opened):
    channel = opened()
    publish(channel)
    with broker.faults.drop_connections("black_hole", new=False, times=1) as hole:
        channel.basic_publish("", "orders", b"1")
        assert (waiting(broker), hole.is_over) == ([], True)
    assert waiting(broker) == [b"1"]
    with broker.faults.delay("1h", on="basic.publish", direction="in", times=1):
        channel.basic_publish("", "orders", b"2")
        assert waiting(broker) == [b"1"]
    with broker.faults.block_publishers(times=1):
        channel.basic_publish("", "orders", b"3")
        assert waiting(broker) == [b"1", b"2", b"3"]
        channel.basic_publish("", "orders", b"4")
        assert waiting(broker) == [b"1", b"2", b"3"]
    assert waiting(broker) == [b"1", b"2", b"3", b"4"]


def test_it_lasts_for_so_long_by_the_brokers_clock(broker, channel):
    broker.clock.freeze()
    publish(channel)
    rule = broker.faults.nack_publishes(for_="10m")
    broker.clock.advance("9m59s")
    publish(channel, b"1")
    broker.clock.advance("1s")
    publish(channel, b"2")
    assert (waiting(broker), rule.is_over) == ([b"2"], True)


def test_the_same_seed_throws_the_same(broker, channel):
    publish(channel)
    taken = []
    for _ in range(2):
        channel.queue_purge("orders")
        with broker.faults.nack_publishes(probability=0.5, seed=7):
            publish(channel, *(b"%d" % number for number in range(40)))
        taken.append(waiting(broker))
    assert taken[0] == taken[1] and 5 < len(taken[0]) < 35


def test_a_log_is_replayed_by_the_rules_that_are_made_again(broker, channel):
    publish(channel)
    taken = []
    log = ""
    for _ in range(2):
        channel.queue_purge("orders")
        with broker.faults.nack_publishes(probability=0.5):
            publish(channel, *(b"%d" % number for number in range(40)))
            log = log or broker.faults.log.to_json()
        taken.append(waiting(broker))
        broker.faults.replay(FaultLog.from_json(log))
    assert taken[0] == taken[1]


def test_a_log_of_other_rules_is_not_replayed(broker, channel):
    publish(channel)
    broker.faults.nack_publishes(queue="orders").end()
    broker.faults.replay(broker.faults.log)
    with pytest.raises(ValueError, match=r"nack_publishes\(\): the log .* has nack_publishes\(queue='orders'\) here"):
        broker.faults.nack_publishes()


def test_who_was_to_be_hit_and_was_not_is_told_with_what_was_there(broker, channel):
    publish(channel)
    with broker.faults.nack_publishes(queue="others") as rule, broker.faults.duplicate_publishes():
        publish(channel, b"1")
        with pytest.raises(AssertionError) as caught:
            rule.assert_hit()
    told = str(caught.value)
    assert told.startswith("nack_publishes(queue='others') was to strike at least once, and has 0 times: nothing")
    assert "duplicate_publishes (rule 2) struck basic.publish, its 1. on 127.0.0.1:" in told
    assert told.endswith("exchange '' key 'orders' queues orders")


def test_rules_are_told_with_the_seed_that_makes_chance_do_it_again(broker, channel):
    publish(channel)
    assert broker.ask(broker.server.rules.told) == ""
    broker.faults.nack_publishes(queue="others")
    broker.faults.duplicate_publishes(probability=1.0)
    publish(channel, b"1", b"2")
    seed = broker.faults.log.rules[1].seed
    assert broker.ask(broker.server.rules.told).splitlines() == [
        "faults:",
        "  nack_publishes(queue='others'): struck 0 of 0 that matched",
        f"  duplicate_publishes(copies=1, probability=1.0): struck 2 of 2 that matched, seed={seed}",
    ]


def test_a_rule_can_be_asked_after_its_broker_has_stopped():
    with Broker() as broker:
        rule = broker.faults.nack_publishes()
    assert (list(rule.hits), str(rule)) == ([], "nack_publishes()")
    rule.end()


async def test_a_rule_of_an_async_broker_that_nobody_awaits_is_warned_of():
    async with AsyncBroker() as broker:
        with pytest.warns(RuntimeWarning, match="never awaited"):
            broker.faults.nack_publishes()


async def test_an_async_broker_has_the_same():
    async with AsyncBroker() as broker:
        rule = await broker.faults.nack_publishes(times=1)
        assert (await rule.hits(), await rule.is_over(), str(rule)) == ([], False, "nack_publishes(times=1)")
        await rule.end()
        await broker.faults.end_all()
        assert (await rule.is_over(), len(await broker.faults.log())) == (True, 0)
        with pytest.raises(FaultTargetError, match="nothing of the kind"):
            await broker.faults.cancel_consumers()


def test_all_can_be_ended_at_once(broker, channel):
    publish(channel)
    broker.faults.nack_publishes()
    broker.faults.delay("1h", on="basic.publish", direction="in")
    channel.basic_publish("", "orders", b"1")
    broker.faults.end_all()
    assert waiting(broker) == [b"1"]
