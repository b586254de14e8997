"""A recording once more: what waits afterwards is what waited then."""

import time

import aio_pika
import pika
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amqpbroker.testing import AsyncBroker, Broker, RecordingError

DEAD = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}


def declare(channel) -> None:
    channel.queue_declare("dead", durable=True)
    channel.queue_declare("tasks", durable=True, arguments={"x-message-ttl": 60_000, **DEAD})
    channel.queue_declare("limited", durable=True, arguments={"x-max-length": 2, **DEAD})
    channel.queue_declare("log", durable=True, arguments={"x-queue-type": "stream"})
    channel.exchange_declare("later", "x-delayed-message", durable=True, arguments={"x-delayed-type": "direct"})
    channel.exchange_declare("kinds", "headers", durable=True)
    channel.queue_bind("limited", "later", "limited")
    channel.queue_bind("tasks", "kinds", arguments={"x-match": "all", "kind": 5})
    channel.queue_bind("log", "amq.topic", "#")


PUBLISHES = st.sampled_from(
    [
        ("", "tasks", {}),
        ("", "limited", {"expiration": "90000", "headers": {"CC": ["tasks"]}}),
        ("", "nowhere", {"headers": {"BCC": ["tasks", "dead"]}}),
        ("amq.topic", "a.b", {"priority": 3, "message_id": "m"}),
        ("later", "limited", {"headers": {"x-delay": 45_000}}),
        ("kinds", "", {"headers": {"kind": 5}}),
    ]
)
STEPS = st.lists(st.one_of(PUBLISHES, st.integers(1, 60)), max_size=12)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_the_queues_have_the_same_in_them(path, contents, steps):
    with Broker() as broker, Broker() as another:
        broker.clock.freeze()
        with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            with broker.record(path):
                declare(channel)
                for number, step in enumerate(steps):
                    if isinstance(step, int):
                        broker.clock.advance(step)
                    else:
                        exchange, key, properties = step
                        channel.basic_publish(exchange, key, b"%d" % number, pika.BasicProperties(**properties))
        done = another.replay(path)
        assert done.message_count == sum(not isinstance(step, int) for step in steps)
        assert contents(another) == contents(broker)


def test_a_dead_letter_of_half_an_hour_comes_about_again(broker, channel, path, another):
    with broker.record(path):
        channel.queue_declare("dead")
        channel.queue_declare("tasks", arguments={"x-message-ttl": 1_800_000, **DEAD})
        channel.basic_publish("", "tasks", b"late")
        broker.clock.advance("30m")
    begin_s = time.monotonic()
    assert another.replay(path).lasted_s >= 1800
    assert time.monotonic() - begin_s < 60
    with pika.BlockingConnection(pika.URLParameters(another.url)) as connection:
        _, properties, body = connection.channel().basic_get("dead", auto_ack=True)
    assert (body, properties.headers["x-death"][0]["reason"]) == (b"late", "expired")


def test_its_clock_goes_on_afterwards_or_stands_if_it_stood(channel, broker, path, another):
    with broker.record(path):
        broker.clock.advance("1h")
    for is_frozen in (False, True):
        if is_frozen:
            another.clock.freeze()
        before = another.clock.now()
        another.replay(path)
        assert (another.clock.now() - before).total_seconds() >= 3600
        assert another.ask(lambda: another.server.clock.is_frozen) is is_frozen


def test_in_real_time_it_takes_its_time(broker, channel, path, another):
    broker.clock.freeze()
    with broker.record(path):
        broker.clock.advance("10s")
    begin_s = time.monotonic()
    another.replay(path, speed=100)
    assert time.monotonic() - begin_s >= 0.1


def test_who_watches_sees_a_client_publish(broker, channel, path, another):
    with broker.record(path):
        channel.basic_publish("amq.fanout", "news", b"again")
    another.replay(path)
    another.assert_published(exchange="amq.fanout", routing_key="news", count=1)


def test_what_is_gone_goes_again_and_so_do_policies_and_virtual_hosts(broker, channel, path, another):
    def change() -> None:
        model = broker.server.broker
        model.create_vhost("other", user="guest")
        model.vhosts["/"].parameters.set_policy("short", {"pattern": "tasks", "definition": {"max-length": 1}})
        model.vhosts["/"].parameters.set_policy(
            "most", {"pattern": "tasks", "definition": {"max-length": 9}}, for_operators=True
        )

    with broker.record(path):
        broker.ask(change)
        channel.queue_declare("tasks")
        channel.queue_declare("old")
        channel.exchange_declare("news", "topic")
        channel.queue_bind("tasks", "news", "a")
        channel.exchange_bind("news", "amq.topic", "b")
        for _ in range(2):
            channel.basic_publish("news", "a", b"")
        channel.exchange_unbind("news", "amq.topic", "b")
        channel.queue_unbind("tasks", "news", "a")
        channel.queue_delete("old")
    another.replay(path)

    def found():
        model = another.server.broker
        host = model.vhosts["/"]
        return list(model.vhosts), list(host.queues), host.queues["tasks"].message_count, list(host.parameters.policies)

    vhosts, queues, count, policies = another.ask(found)
    assert (vhosts, queues, count, [policy.name for policy in policies]) == (["/", "other"], ["tasks"], 1, ["short"])
    assert another.ask(lambda: len(another.server.broker.vhosts["/"].exchanges["news"].bindings)) == 0
    with broker.record(path):
        broker.ask(lambda: broker.server.broker.delete_vhost("other"))
        broker.ask(lambda: broker.server.broker.vhosts["/"].parameters.clear_policy("short"))
        broker.ask(lambda: broker.server.broker.vhosts["/"].parameters.clear_policy("most", for_operators=True))
        channel.exchange_delete("news")
    another.replay(path)
    vhosts, _, _, policies = another.ask(found)
    assert (vhosts, policies) == (["/"], [])


def test_a_reset_and_a_restart_in_the_run_are_no_end_of_it(path, another, tmp_path):
    def run(queue: str) -> None:
        with pika.BlockingConnection(pika.URLParameters(broker.url)) as connection:
            channel = connection.channel()
            channel.queue_declare(queue, durable=True)
            channel.queue_declare("transient")
            channel.basic_publish("", queue, b"", pika.BasicProperties(delivery_mode=2))

    with Broker(data_dir=tmp_path / "data") as broker:
        with broker.record(path):
            run("first")
            broker.reset()
            run("second")
            broker.restart()
            run("third")
            broker.restart()
        assert another.replay(path).message_count == 3
        assert ready(another) == ready(broker) == {"second": 1, "third": 1}


def ready(broker: Broker) -> dict[str, int]:
    return {name: queue.ready for name, queue in broker.queues.items()}


async def test_on_the_loop_of_the_caller(path):
    async with AsyncBroker() as broker, AsyncBroker() as another:
        async with broker.record(path), await aio_pika.connect(broker.url) as connection:
            channel = await connection.channel()
            await channel.declare_queue("tasks")
            await channel.default_exchange.publish(aio_pika.Message(b""), "tasks")
        assert (await another.replay(path)).message_count == 1
        assert await another.ask(lambda: another.server.broker.vhosts["/"].queues["tasks"].message_count) == 1


def test_a_profile_that_refuses_a_line_says_which(broker, channel, path):
    with broker.record(path):
        channel.queue_declare("tasks")
    with (
        Broker(profile="4.3") as newer,
        pytest.raises(RecordingError, match=r"run.jsonl, line 2: queues\[0\]: Feature .* is deprecated"),
    ):
        newer.replay(path)


def test_a_message_to_what_is_not_there_says_which_line(broker, channel, path, another):
    with broker.record(path):
        channel.basic_publish("amq.fanout", "", b"")
    text = path.read_text()
    path.write_text(text.replace("amq.fanout", "amq.nothing"))
    with pytest.raises(RecordingError, match=r"line 2: NOT_FOUND - no exchange 'amq.nothing'"):
        another.replay(path)
    path.write_text(text.replace('"vhost": "/", "exchange"', '"vhost": "gone", "exchange"'))
    with pytest.raises(RecordingError, match=r"line 2: there is no virtual host 'gone'"):
        another.replay(path)


@pytest.mark.parametrize("speed", ["fast", 0, -1, True, float("nan")])
def test_what_is_no_speed_is_refused(broker, channel, path, speed):
    with broker.record(path):
        pass
    with pytest.raises(ValueError, match="is no speed: give 'virtual', 'real'"):
        broker.replay(path, speed=speed)
