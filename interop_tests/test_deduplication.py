"""Message deduplication by exchange and by queue, as the plugin's README has it and its own tests try it."""

from pathlib import Path
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker, UnroutableError

from interop_tests.conftest import Connect, Names
from interop_tests.plugins import require_exchange_type
from interop_tests.restarting import RestartingBroker
from interop_tests.steps import Delivery, consume, declare, get, get_all, is_accepted, let_pass, settle, wait_for

KIND = "x-message-deduplication"
# With the blanks that stand at the beginning of a line in the plugin's source.
SIZE = "Missing or invalid argument, {}'x-cache-size' must be an integer greater than 0"
TTL = "Invalid argument, {}'x-cache-ttl' must be an integer greater than 0"
PERSISTENCE = "Invalid argument, {}'x-cache-persistence' must be either 'disk' or 'memory'"


@pytest.fixture(autouse=True)
def plugin(request: pytest.FixtureRequest, amqp_url: str, name: Names) -> None:
    require_exchange_type(request, amqp_url, name.exchange("try"), KIND, {"x-cache-size": 1})


def marked(key: Any, **headers: Any) -> pika.BasicProperties:
    return pika.BasicProperties(headers={"x-deduplication-header": key, **headers})


class Deduplicating:
    """An exchange and a queue bound to it."""

    def __init__(self, channel: BlockingChannel, exchange: str, **arguments: Any) -> None:
        self.channel = channel
        self.exchange = exchange
        wanted = {argument.replace("_", "-"): value for argument, value in arguments.items()}
        channel.exchange_declare(exchange, KIND, arguments=wanted)
        self.queue = declare(channel, "")
        channel.queue_bind(self.queue, exchange, "any")
        channel.confirm_delivery()

    def publish(self, *keys: Any, **headers: Any) -> None:
        for key in keys:
            self.channel.basic_publish(self.exchange, "", str(key).encode(), marked(key, **headers))

    def bodies(self) -> list[str]:
        return [body for body, _ in get_all(self.channel, self.queue, auto_ack=True)]


# Exchanges


def test_a_repeated_message_is_not_routed(channel: BlockingChannel, name: Names) -> None:
    exchange = Deduplicating(channel, name.exchange(), x_cache_size=10)
    exchange.publish("this", "this", "that", "this")
    assert exchange.bodies() == ["this", "that"]


def test_messages_without_the_header_are_not_looked_at(channel: BlockingChannel, name: Names) -> None:
    exchange = Deduplicating(channel, name.exchange(), x_cache_size=10)
    for _ in range(2):
        channel.basic_publish(exchange.exchange, "", b"x")
    assert exchange.bodies() == ["x", "x"]


def test_a_key_is_a_value_and_not_its_text(channel: BlockingChannel, name: Names) -> None:
    exchange = Deduplicating(channel, name.exchange(), x_cache_size=10)
    keys = [1, "1", True, None]
    exchange.publish(*keys, *keys)
    assert exchange.bodies() == ["1", "1", "True", "None"]


def test_a_key_is_forgotten_when_its_time_is_over(channel: BlockingChannel, name: Names) -> None:
    exchange = Deduplicating(channel, name.exchange(), x_cache_size=10, x_cache_ttl=200)
    exchange.publish("this", "this")
    let_pass(channel, 200)
    exchange.publish("this")
    assert exchange.bodies() == ["this", "this"]


def test_a_message_may_say_for_how_long(channel: BlockingChannel, name: Names) -> None:
    exchange = Deduplicating(channel, name.exchange(), x_cache_size=10, x_cache_ttl=60_000)
    exchange.publish("this", **{"x-cache-ttl": 50})
    let_pass(channel, 50)
    exchange.publish("this", "this")
    assert exchange.bodies() == ["this", "this"]


def test_a_full_cache_forgets(channel: BlockingChannel, name: Names) -> None:
    exchange = Deduplicating(channel, name.exchange(), x_cache_size=1)
    exchange.publish("this", "that", "this")
    assert exchange.bodies() == ["this", "that", "this"]


def test_every_exchange_has_its_own_cache(channel: BlockingChannel, name: Names) -> None:
    one = Deduplicating(channel, name.exchange("one"), x_cache_size=10)
    other = Deduplicating(channel, name.exchange("other"), x_cache_size=10)
    one.publish("this")
    other.publish("this")
    assert (one.bodies(), other.bodies()) == (["this"], ["this"])


def test_a_repeated_mandatory_message_comes_back(channel: BlockingChannel, name: Names) -> None:
    exchange = Deduplicating(channel, name.exchange(), x_cache_size=10)
    channel.basic_publish(exchange.exchange, "", b"x", marked("this"), mandatory=True)
    with pytest.raises(UnroutableError):
        channel.basic_publish(exchange.exchange, "", b"x", marked("this"), mandatory=True)


def test_a_repeated_message_goes_to_the_alternate_exchange(channel: BlockingChannel, name: Names) -> None:
    other = name.exchange("alternate")
    channel.exchange_declare(other, "fanout")
    exchange = Deduplicating(channel, name.exchange(), x_cache_size=10, alternate_exchange=other)
    repeated = declare(channel, "")
    channel.queue_bind(repeated, other)
    exchange.publish("this", "this")
    assert exchange.bodies() == ["this"]
    assert [body for body, _ in get_all(channel, repeated)] == ["this"]


def test_it_deduplicates_behind_another_exchange(channel: BlockingChannel, name: Names) -> None:
    exchange = Deduplicating(channel, name.exchange(), x_cache_size=10)
    front = name.exchange("front")
    channel.exchange_declare(front, "direct")
    channel.exchange_bind(exchange.exchange, front, "key")
    for _ in range(2):
        channel.basic_publish(front, "key", b"x", marked("this"))
    assert exchange.bodies() == ["x"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, SIZE.format(" " * 10)),
        ({"x-cache-size": 0}, SIZE.format(" " * 10)),
        ({"x-cache-size": "foo"}, SIZE.format(" " * 22)),
        ({"x-cache-size": 1, "x-cache-ttl": -1}, TTL.format(" " * 13)),
        ({"x-cache-size": 1, "x-cache-persistence": "tape"}, PERSISTENCE.format(" " * 13)),
    ],
)
def test_wrong_arguments(channel: BlockingChannel, name: Names, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.exchange_declare(name.exchange(), KIND, arguments=arguments)
    assert (closed.value.reply_code, closed.value.reply_text) == (406, f"PRECONDITION_FAILED - {text}")


@pytest.mark.parametrize("headers", [{"x-deduplication-header": [1]}, {"x-cache-ttl": [1]}])
def test_a_key_that_is_none_closes_the_connection(connect: Connect, name: Names, headers: dict[str, Any]) -> None:
    exchange = Deduplicating(connect().channel(), name.exchange(), x_cache_size=10)
    with pytest.raises(ConnectionClosedByBroker) as closed:
        exchange.channel.basic_publish(exchange.exchange, "", b"x", pika.BasicProperties(headers=headers))
    assert closed.value.reply_code == 541


# Queues


def deduplicating_queue(channel: BlockingChannel, **arguments: Any) -> str:
    return declare(channel, "", x_message_deduplication=True, **arguments)


def accepted(channel: BlockingChannel, queue: str, key: Any, body: str = "x", **properties: Any) -> bool:
    return is_accepted(channel, queue, body, headers={"x-deduplication-header": key}, **properties)


def test_a_queue_takes_a_key_once(channel: BlockingChannel) -> None:
    queue = deduplicating_queue(channel)
    for key in ("this", 42, None):
        assert [accepted(channel, queue, key) for _ in range(3)] == [True, False, False]
    settle(channel, queue, 3)


def test_a_queue_takes_what_has_no_key(channel: BlockingChannel) -> None:
    queue = deduplicating_queue(channel)
    assert [is_accepted(channel, queue, "x") for _ in range(3)] == [True] * 3
    settle(channel, queue, 3)


def test_a_key_is_free_again_when_its_message_is_acknowledged(channel: BlockingChannel) -> None:
    queue = deduplicating_queue(channel)
    assert accepted(channel, queue, "this")
    gotten = get(channel, queue)
    assert not accepted(channel, queue, "this")
    channel.basic_ack(gotten.method.delivery_tag)
    settle(channel, queue, 0)
    assert accepted(channel, queue, "this")


def test_requeueing_keeps_the_key(channel: BlockingChannel) -> None:
    queue = deduplicating_queue(channel)
    accepted(channel, queue, "this")
    channel.basic_nack(get(channel, queue).method.delivery_tag)
    settle(channel, queue, 1)
    assert not accepted(channel, queue, "this")


def test_a_key_is_free_again_when_its_message_is_rejected(channel: BlockingChannel) -> None:
    queue = deduplicating_queue(channel)
    accepted(channel, queue, "this")
    channel.basic_reject(get(channel, queue).method.delivery_tag, requeue=False)
    settle(channel, queue, 0)
    assert accepted(channel, queue, "this")


def test_getting_without_acknowledgement_frees_the_key(channel: BlockingChannel) -> None:
    queue = deduplicating_queue(channel)
    accepted(channel, queue, "this")
    get(channel, queue, auto_ack=True)
    assert accepted(channel, queue, "this")


def test_a_consumer_without_acknowledgements_gets_every_message(channel: BlockingChannel) -> None:
    queue = deduplicating_queue(channel)
    deliveries: list[Delivery] = []
    consume(channel, queue, deliveries, auto_ack=True)
    for count in (1, 2):
        accepted(channel, queue, "this")
        wait_for(channel, deliveries, count)


def test_a_key_is_free_again_when_its_message_expires(channel: BlockingChannel) -> None:
    queue = deduplicating_queue(channel, x_message_ttl=60)
    accepted(channel, queue, "this")
    let_pass(channel, 60)
    assert accepted(channel, queue, "this", expiration="20")
    let_pass(channel, 20)
    assert accepted(channel, queue, "this")


def test_what_a_limit_drops_frees_its_key(channel: BlockingChannel) -> None:
    queue = deduplicating_queue(channel, x_max_length=1)
    assert [accepted(channel, queue, key, key) for key in ("this", "that", "this")] == [True] * 3
    assert [body for body, _ in get_all(channel, queue)] == ["this"]


def test_purging_frees_all_keys(channel: BlockingChannel) -> None:
    queue = deduplicating_queue(channel)
    accepted(channel, queue, "this")
    channel.queue_purge(queue)
    assert accepted(channel, queue, "this")


def test_a_repeated_message_is_dead_lettered_since_4_0(channel: BlockingChannel, series: tuple[int, int]) -> None:
    dead = declare(channel, "")
    queue = deduplicating_queue(channel, x_dead_letter_exchange="", x_dead_letter_routing_key=dead)
    assert [accepted(channel, queue, "this") for _ in range(2)] == [True, False]
    if series < (4, 0):
        assert get_all(channel, dead) == []
    else:
        assert get(channel, dead).properties.headers["x-death"][0]["reason"] == "maxlen"


def test_priorities_share_the_keys(channel: BlockingChannel) -> None:
    queue = deduplicating_queue(channel, x_max_priority=5)
    assert [accepted(channel, queue, "this", priority=priority) for priority in (0, 5)] == [True, False]


def test_the_argument_false_is_no_deduplication(channel: BlockingChannel) -> None:
    queue = declare(channel, "", x_message_deduplication=False)
    assert [accepted(channel, queue, "this") for _ in range(2)] == [True, True]


# Restarts


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("persistence", "came"), [("disk", 1), ("memory", 2)])
def test_keys_on_disk_are_remembered_over_a_kill(
    request: pytest.FixtureRequest, tmp_path: Path, persistence: str, came: int
) -> None:
    if request.config.getoption("--amqpbroker-url", default=None):
        pytest.skip("a broker that was started by somebody else is not ours to kill")
    broker = RestartingBroker(tmp_path)
    broker.start()
    for _ in range(2):
        with broker.channel() as channel:
            arguments = {"x-cache-size": 10, "x-cache-persistence": persistence}
            channel.exchange_declare("once", KIND, durable=True, arguments=arguments)
            channel.queue_declare("tasks", durable=True)
            channel.queue_bind("tasks", "once")
            channel.confirm_delivery()
            properties = pika.BasicProperties(delivery_mode=2, headers={"x-deduplication-header": "this"})
            channel.basic_publish("once", "", b"x", properties)
        broker.kill()
        broker.start()
    with broker.channel() as channel:
        assert len(get_all(channel, "tasks", auto_ack=True)) == came
    broker.stop()
