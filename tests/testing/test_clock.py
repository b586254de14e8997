"""Time in the hand of a test, with a real client."""

import pytest
from pika.exceptions import AMQPConnectionError


def declare_with_ttl(channel, ttl_ms: int) -> None:
    channel.queue_declare("dead")
    arguments = {"x-message-ttl": ttl_ms, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    channel.queue_declare("tasks", arguments=arguments)


def test_a_time_to_live_of_half_an_hour_ends_when_the_clock_is_advanced(broker, channel):
    declare_with_ttl(channel, 1_800_000)
    channel.basic_publish("", "tasks", b"late")
    broker.clock.advance("29m")
    assert channel.basic_get("dead")[0] is None
    broker.clock.advance("1m")
    assert channel.basic_get("dead")[2] == b"late"


def test_time_stands_still_while_it_is_frozen(broker, channel):
    broker.clock.freeze()
    now = broker.clock.now()
    declare_with_ttl(channel, 1)
    channel.basic_publish("", "tasks", b"late")
    assert (channel.basic_get("dead")[0], broker.clock.now()) == (None, now)
    broker.clock.advance("1ms")
    assert channel.basic_get("dead")[2] == b"late"


def test_heartbeats_keep_the_real_time_unless_asked_for(broker, channel):
    broker.clock.advance("3h")
    channel.queue_declare("tasks")
    broker.clock.advance("1h", heartbeats=True)
    with pytest.raises(AMQPConnectionError):
        channel.queue_declare("tasks")


def test_what_is_no_duration_is_said(broker):
    with pytest.raises(ValueError, match="'half an hour' is no duration"):
        broker.clock.advance("half an hour")


@pytest.mark.parametrize("is_frozen", [False, True])
def test_what_was_published_just_before_is_due_to_the_very_moment(broker, channel, is_frozen):
    if is_frozen:
        broker.clock.freeze()
    declare_with_ttl(channel, 1_800_000)
    for number in range(100):
        for _ in range(2):
            channel.basic_publish("", "tasks", b"%d" % number)
        channel.basic_get("tasks", auto_ack=True)
        broker.clock.advance("30m")
        assert channel.basic_get("dead", auto_ack=True)[2] == b"%d" % number
