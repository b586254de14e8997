"""x-delayed-message, as the plugin rabbitmq_delayed_message_exchange documents it and its own tests try it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker, UnroutableError

from interop_tests.conftest import Connect, Names
from interop_tests.plugins import require_exchange_type
from interop_tests.restarting import RestartingBroker
from interop_tests.steps import Delivery, consume, declare, get, get_all, let_pass, settle, wait_for

KIND = "x-delayed-message"
HUGE_MS = 1 << 32


@pytest.fixture(autouse=True)
def plugin(request: pytest.FixtureRequest, amqp_url: str, name: Names) -> None:
    require_exchange_type(request, amqp_url, name.exchange("try"), KIND, {"x-delayed-type": "direct"})


class Delayed:
    """A delayed exchange and a queue bound to it."""

    def __init__(self, channel: BlockingChannel, exchange: str, kind: str = "direct", key: str = "key") -> None:
        self.channel = channel
        self.exchange = exchange
        channel.exchange_declare(exchange, KIND, arguments={"x-delayed-type": kind})
        self.queue = declare(channel, "")
        channel.queue_bind(self.queue, exchange, key)

    def publish(self, body: object, delay: Any, key: str = "key", **settings: Any) -> None:
        properties = pika.BasicProperties(headers={} if delay is None else {"x-delay": delay}, **settings)
        self.channel.basic_publish(self.exchange, key, str(body).encode(), properties)

    def bodies(self, count: int) -> list[str]:
        return [get(self.channel, self.queue, auto_ack=True).body.decode() for _ in range(count)]


@pytest.fixture
def delayed(channel: BlockingChannel, name: Names) -> Delayed:
    return Delayed(channel, name.exchange())


def test_messages_come_by_their_delays(delayed: Delayed) -> None:
    for delay_ms in (500, 100, 300, 200, 101, 400):
        delayed.publish(delay_ms, delay_ms)
    assert delayed.bodies(6) == ["100", "101", "200", "300", "400", "500"]


def test_a_consumer_gets_a_message_when_its_delay_is_over(delayed: Delayed) -> None:
    deliveries: list[Delivery] = []
    consume(delayed.channel, delayed.queue, deliveries, auto_ack=True)
    start_s = time.monotonic()
    delayed.publish("later", 300)
    wait_for(delayed.channel, deliveries, 1)
    assert 0.29 <= time.monotonic() - start_s < 3


def test_without_a_delay_a_message_goes_on_at_once(delayed: Delayed) -> None:
    delayed.channel.confirm_delivery()
    for delay in (None, 0, -1_000, HUGE_MS, True):
        delayed.publish(delay, delay)
    assert [body for body, _ in get_all(delayed.channel, delayed.queue, auto_ack=True)] == [
        str(delay) for delay in (None, 0, -1_000, HUGE_MS, True)
    ]


@pytest.mark.parametrize("delay", [50, "50", b"50"])
def test_what_the_header_may_be(delayed: Delayed, delay: Any) -> None:
    delayed.publish("x", delay)
    settle(delayed.channel, delayed.queue, 0)
    came = get(delayed.channel, delayed.queue, auto_ack=True)
    assert came.properties.headers == {"x-delay": -50}


def test_a_text_that_is_no_number_closes_the_connection(connect: Connect, name: Names) -> None:
    delayed = Delayed(connect().channel(), name.exchange())
    with pytest.raises(ConnectionClosedByBroker) as closed:
        delayed.publish("x", "soon")
        delayed.channel.connection.process_data_events(5)
    assert closed.value.reply_code == 541


def test_the_header_stays_where_nothing_waited(delayed: Delayed) -> None:
    delayed.publish("x", -5)
    assert get(delayed.channel, delayed.queue, auto_ack=True).properties.headers == {"x-delay": -5}


@pytest.mark.parametrize(
    ("kind", "key", "reached"),
    [
        ("direct", "a.b.c", ["a.b.c"]),
        ("topic", "a.*.c", ["a.b.c", "a.z.c"]),
        ("fanout", "", ["a.b.c", "a.z.c", "b"]),
    ],
)
def test_the_other_type_routes(channel: BlockingChannel, name: Names, kind: str, key: str, reached: list[str]) -> None:
    delayed = Delayed(channel, name.exchange(), kind, key)
    for routing_key in ("a.b.c", "a.z.c", "b"):
        delayed.publish(routing_key, 50, routing_key)
    assert delayed.bodies(len(reached)) == reached
    let_pass(channel, 50)
    assert get_all(channel, delayed.queue) == []


def test_a_headers_exchange_can_be_delayed(channel: BlockingChannel, name: Names) -> None:
    exchange = name.exchange()
    channel.exchange_declare(exchange, KIND, arguments={"x-delayed-type": "headers"})
    queue = declare(channel, "")
    channel.queue_bind(queue, exchange, "", {"x-match": "all", "colour": "red"})
    for colour in ("blue", "red"):
        properties = pika.BasicProperties(headers={"x-delay": 20, "colour": colour})
        channel.basic_publish(exchange, "", colour.encode(), properties)
    assert get(channel, queue, auto_ack=True).body == b"red"
    assert get_all(channel, queue) == []


def test_a_message_is_routed_by_the_bindings_of_when_it_is_due(delayed: Delayed) -> None:
    channel = delayed.channel
    later = declare(channel, "")
    delayed.publish("x", 150)
    channel.queue_unbind(delayed.queue, delayed.exchange, "key")
    channel.queue_bind(later, delayed.exchange, "key")
    assert get(channel, later, auto_ack=True).body == b"x"
    assert get_all(channel, delayed.queue) == []


def test_a_message_keeps_what_it_came_with(delayed: Delayed) -> None:
    delayed.publish("x", 20, message_id="m1", priority=3, delivery_mode=2, content_type="text/plain")
    came = get(delayed.channel, delayed.queue, auto_ack=True)
    properties = came.properties
    assert (came.method.exchange, came.method.routing_key) == (delayed.exchange, "key")
    assert (properties.message_id, properties.priority, properties.delivery_mode) == ("m1", 3, 2)


def test_carbon_copies_count_when_it_is_due(delayed: Delayed) -> None:
    channel = delayed.channel
    headers = {"x-delay": 20, "CC": ["key"], "BCC": ["hidden"]}
    hidden = declare(channel, "")
    channel.queue_bind(hidden, delayed.exchange, "hidden")
    channel.basic_publish(delayed.exchange, "other", b"x", pika.BasicProperties(headers=headers))
    for queue in (delayed.queue, hidden):
        came = get(channel, queue, auto_ack=True)
        assert came.properties.headers == {"x-delay": -20, "CC": ["key"]}


def test_a_delayed_message_is_confirmed_at_once(delayed: Delayed) -> None:
    delayed.channel.confirm_delivery()
    start_s = time.monotonic()
    delayed.publish("x", 60_000)
    assert time.monotonic() - start_s < 5


def test_a_mandatory_message_comes_back_and_comes_all_the_same(delayed: Delayed) -> None:
    channel = delayed.channel
    channel.confirm_delivery()
    properties = pika.BasicProperties(headers={"x-delay": 50})
    with pytest.raises(UnroutableError):
        channel.basic_publish(delayed.exchange, "key", b"x", properties, mandatory=True)
    assert delayed.bodies(1) == ["x"]


def test_an_alternate_exchange_gets_what_waits_and_what_finds_no_queue(channel: BlockingChannel, name: Names) -> None:
    exchange, other = name.exchange(), name.exchange("alternate")
    channel.exchange_declare(other, "fanout")
    channel.exchange_declare(exchange, KIND, arguments={"x-delayed-type": "direct", "alternate-exchange": other})
    queue = declare(channel, "")
    channel.queue_bind(queue, other)
    channel.basic_publish(exchange, "nobody", b"x", pika.BasicProperties(headers={"x-delay": 50}))
    came = [get(channel, queue, auto_ack=True).properties.headers["x-delay"] for _ in range(2)]
    assert came == [50, -50]


def test_a_delayed_exchange_behind_another_exchange(delayed: Delayed, name: Names) -> None:
    front = name.exchange("front")
    delayed.channel.exchange_declare(front, "fanout")
    delayed.channel.exchange_bind(delayed.exchange, front, "key")
    for delay_ms in (300, 100, 200):
        properties = pika.BasicProperties(headers={"x-delay": delay_ms})
        delayed.channel.basic_publish(front, "key", str(delay_ms).encode(), properties)
    assert delayed.bodies(3) == ["100", "200", "300"]


def test_a_second_delayed_exchange_does_not_delay_again(delayed: Delayed, name: Names) -> None:
    front = name.exchange("front")
    delayed.channel.exchange_declare(front, KIND, arguments={"x-delayed-type": "fanout"})
    delayed.channel.exchange_bind(delayed.exchange, front, "key")
    delayed.channel.basic_publish(front, "key", b"x", pika.BasicProperties(headers={"x-delay": 50}))
    assert get(delayed.channel, delayed.queue, auto_ack=True).properties.headers == {"x-delay": -50}


def test_a_dead_letter_can_be_delayed(delayed: Delayed) -> None:
    channel = delayed.channel
    dying = declare(
        channel,
        "",
        x_message_ttl=0,
        x_dead_letter_exchange=delayed.exchange,
        x_dead_letter_routing_key="key",
    )
    channel.basic_publish("", dying, b"x", pika.BasicProperties(headers={"x-delay": 50}))
    headers = get(channel, delayed.queue, auto_ack=True).properties.headers
    assert (headers["x-delay"], headers["x-death"][0]["reason"]) == (-50, "expired")


def test_expiration_counts_from_when_it_is_due(delayed: Delayed) -> None:
    deliveries: list[Delivery] = []
    delayed.publish("x", 100, expiration="50")
    consume(delayed.channel, delayed.queue, deliveries, auto_ack=True)
    wait_for(delayed.channel, deliveries, 1)
    assert deliveries[0].body == "x"


def refusal(channel: BlockingChannel, exchange: str, arguments: dict[str, Any]) -> tuple[int, str]:
    with pytest.raises(ChannelClosedByBroker) as closed:
        channel.exchange_declare(exchange, KIND, arguments=arguments)
    return closed.value.reply_code, closed.value.reply_text


@pytest.mark.parametrize("arguments", [{}, {"x-delayed-type": 1}])
def test_the_other_type_has_to_be_named(channel: BlockingChannel, name: Names, arguments: dict[str, Any]) -> None:
    text = "PRECONDITION_FAILED - Invalid argument, 'x-delayed-type' must be an existing exchange type"
    assert refusal(channel, name.exchange(), arguments) == (406, text)


def test_it_cannot_be_its_own_other_type(channel: BlockingChannel, name: Names) -> None:
    text = "PRECONDITION_FAILED - Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'"
    assert refusal(channel, name.exchange(), {"x-delayed-type": KIND}) == (406, text)


def test_the_other_type_has_to_exist(channel: BlockingChannel, name: Names) -> None:
    text = "PRECONDITION_FAILED - unknown exchange type 'x-not-valid-type'"
    assert refusal(channel, name.exchange(), {"x-delayed-type": "x-not-valid-type"}) == (406, text)


def test_declaring_again_does_not_compare_the_other_type(delayed: Delayed) -> None:
    delayed.channel.exchange_declare(delayed.exchange, KIND, arguments={"x-delayed-type": "fanout"})
    delayed.publish("x", 20, "elsewhere")
    delayed.publish("y", 40)
    assert delayed.bodies(1) == ["y"]


# Restarts


@pytest.fixture
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RestartingBroker]:
    if request.config.getoption("--amqpbroker-url", default=None):
        pytest.skip("a broker that was started by somebody else is not ours to kill")
    profile = request.config.getoption("--profile", default=None)
    broker = RestartingBroker(tmp_path, *(["--profile", profile] if profile else []))
    broker.start()
    yield broker
    broker.stop()


def schedule(broker: RestartingBroker, delays_ms: list[int], delivery_mode: int) -> None:
    with broker.channel() as channel:
        channel.exchange_declare("later", KIND, durable=True, arguments={"x-delayed-type": "direct"})
        channel.queue_declare("tasks", durable=True)
        channel.queue_bind("tasks", "later", "key")
        channel.confirm_delivery()
        for delay_ms in delays_ms:
            properties = pika.BasicProperties(headers={"x-delay": delay_ms}, delivery_mode=delivery_mode)
            channel.basic_publish("later", "key", str(delay_ms).encode(), properties)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("delivery_mode", [1, 2])
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_delays_go_on_after_a_restart(broker: RestartingBroker, how: str, delivery_mode: int) -> None:
    # What is transient and due before the end waits in the queue by then, and is lost with it.
    delays_ms = [5_000, 1, 2_500, 500] if delivery_mode == 2 else [5_000, 3_000, 4_000, 3_500]
    start_s = time.monotonic()
    schedule(broker, delays_ms, delivery_mode)
    getattr(broker, how)()
    broker.start()
    with broker.channel() as channel:
        deliveries: list[Delivery] = []
        consume(channel, "tasks", deliveries, auto_ack=True)
        wait_for(channel, deliveries, 4)
        assert time.monotonic() - start_s >= 5
        assert [delivery.body for delivery in deliveries] == [str(delay_ms) for delay_ms in sorted(delays_ms)]
        let_pass(channel, 20)
    assert len(deliveries) == 4


@pytest.mark.timeout(60)
def test_what_came_once_does_not_come_again_after_a_kill(broker: RestartingBroker) -> None:
    schedule(broker, [1, 2, 3], 2)
    with broker.channel() as channel:
        assert [get(channel, "tasks").body for _ in range(3)] == [b"1", b"2", b"3"]
        settle(channel, "tasks", 0)
    broker.kill()
    broker.start()
    with broker.channel() as channel:
        assert sorted(body for body, _ in get_all(channel, "tasks", auto_ack=True)) == ["1", "2", "3"]


@pytest.mark.timeout(60)
def test_a_deleted_exchange_takes_along_what_waits(broker: RestartingBroker) -> None:
    schedule(broker, [200], 2)
    with broker.channel() as channel:
        channel.exchange_delete("later")
    broker.kill()
    broker.start()
    schedule(broker, [400], 2)
    with broker.channel() as channel:
        assert get(channel, "tasks", auto_ack=True).body == b"400"
