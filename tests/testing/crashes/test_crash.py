"""A broker that crashes under a publisher, starts again, and has what it has confirmed."""

import gc
import os
import threading
from contextlib import suppress

import amqp
import httpx
import pika
import pytest
from pika.exceptions import AMQPConnectionError, ConnectionWrongStateError

from amqpbroker.journal.recovery import Damage
from amqpbroker.testing import AsyncBroker, Broker, BrokerStoppedError

PERSISTENT = pika.BasicProperties(delivery_mode=2)
LOST = (AMQPConnectionError, ConnectionWrongStateError)


@pytest.fixture
def opened():
    """Opens a channel on a connection of its own."""
    connections = []

    def open_channel(broker: Broker):
        connections.append(pika.BlockingConnection(pika.URLParameters(broker.url)))
        return connections[-1].channel()

    yield open_channel
    for connection in connections:
        with suppress(*LOST):
            connection.close()


def publish_until_it_crashes(channel, *, most: int = 1_000) -> int:
    channel.confirm_delivery()
    for number in range(most):
        try:
            channel.basic_publish("", "orders", b"order %d" % number, PERSISTENT)
        except LOST:
            return number
    return most


@pytest.mark.parametrize("power_cut", [False, True])
@pytest.mark.parametrize("octets", [0, 1, 20, 77, 300, 4_096])
def test_what_was_confirmed_is_there_whatever_octet_it_crashes_at(opened, tmp_path, octets, power_cut):
    with Broker(data_dir=tmp_path) as broker:
        channel = opened(broker)
        channel.queue_declare("orders", durable=True)
        broker.faults.crash_at_byte(octets, power_cut=power_cut)
        confirmed = publish_until_it_crashes(channel)
        broker.restart()
        broker.assert_confirmed_survived()
        assert len(broker.confirmed) == confirmed < 1_000
        assert confirmed <= broker.queues["orders"].ready <= confirmed + 1


def test_a_program_that_publishes_again_after_a_crash_loses_nothing_and_may_publish_twice(opened, tmp_path):
    with Broker(data_dir=tmp_path) as broker:
        channel = opened(broker)
        channel.queue_declare("orders", durable=True)
        with broker.faults.crash_at_byte(200) as crash:
            confirmed = publish_until_it_crashes(channel)
        crash.assert_hit(1)
        broker.restart()
        channel = opened(broker)
        channel.confirm_delivery()
        channel.basic_publish("", "orders", b"order %d" % confirmed, PERSISTENT)
        bodies = {message.body for message in broker.messages("orders")}
    assert bodies == {b"order %d" % number for number in range(confirmed + 1)}


def test_what_a_consumer_had_comes_again_and_what_it_acknowledged_does_not(opened, tmp_path):
    with Broker(data_dir=tmp_path) as broker:
        channel = opened(broker)
        channel.queue_declare("orders", durable=True)
        channel.confirm_delivery()
        for number in range(4):
            channel.basic_publish("", "orders", b"%d" % number, PERSISTENT)
        first, second = channel.basic_get("orders"), channel.basic_get("orders")
        channel.basic_ack(first[0].delivery_tag)
        broker.crash()
        broker.restart()
        broker.assert_confirmed_survived()
        assert [message.body for message in broker.messages("orders")][-3:] == [second[2], b"2", b"3"]


@pytest.mark.parametrize("octets", [50, 250, 450, 700])
def test_times_to_live_and_dead_letters_go_on_over_a_crash_in_the_time_of_the_broker(opened, tmp_path, octets):
    with Broker(data_dir=tmp_path) as broker:
        broker.clock.freeze()
        channel = opened(broker)
        channel.queue_declare("dead", durable=True)
        late = {"x-message-ttl": 1_800_000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
        channel.queue_declare("orders", durable=True, arguments=late)
        channel.confirm_delivery()
        for number in range(5):
            channel.basic_publish("", "orders", b"order %d" % number, PERSISTENT)
        broker.clock.advance("29m")
        before = broker.clock.now()
        broker.faults.crash_at_byte(octets)
        broker.clock.advance("1m")
        broker.crash()
        broker.restart()
        broker.assert_confirmed_survived()
        assert (broker.clock.now() - before).total_seconds() == 60
        broker.clock.advance("1ms")
        assert broker.queues["dead"].ready == 5 and broker.queues["orders"].ready == 0


def test_without_confirms_what_was_published_before_a_crash_may_be_gone(opened, tmp_path):
    with Broker(data_dir=tmp_path) as broker:
        channel = opened(broker)
        channel.queue_declare("orders", durable=True)
        broker.faults.crash_at_byte(0)
        channel.basic_publish("", "orders", b"lost", PERSISTENT)
        with pytest.raises(LOST):
            channel.queue_declare("others", durable=True)
        broker.restart()
        assert (broker.queues["orders"].ready, broker.confirmed) == (0, [])
        broker.assert_confirmed_survived()


def test_a_disk_that_is_not_synced_may_have_nothing_after_a_power_cut(opened, tmp_path):
    with Broker(data_dir=tmp_path, no_sync=True) as broker:
        channel = opened(broker)
        channel.queue_declare("orders", durable=True)
        channel.confirm_delivery()
        for number in range(3):
            channel.basic_publish("", "orders", b"order %d" % number, PERSISTENT)
        broker.crash(power_cut=True)
        with pytest.raises(Damage, match="does not begin like a manifest"):
            broker.restart()


def test_a_restart_without_a_crash_keeps_the_port_and_what_is_durable(opened, tmp_path):
    with Broker(data_dir=tmp_path) as broker:
        url = broker.url
        channel = opened(broker)
        channel.queue_declare("orders", durable=True)
        channel.queue_declare("transient")
        channel.confirm_delivery()
        channel.basic_publish("", "orders", b"1", PERSISTENT)
        broker.restart()
        broker.assert_confirmed_survived()
        assert (broker.url, list(broker.queues)) == (url, ["orders"])
        assert opened(broker).basic_get("orders")[2] == b"1"


def test_a_broker_in_memory_starts_empty(opened, tmp_path):
    with Broker() as broker:
        opened(broker).queue_declare("orders", durable=True)
        broker.crash()
        broker.restart()
        assert list(broker.queues) == []
        with pytest.raises(ValueError, match=r"keeps everything in memory; make it with Broker\(data_dir="):
            broker.faults.crash_at_byte(10)


async def test_a_broker_of_somebody_else_is_neither_crashed_nor_started_again(tmp_path):
    async with AsyncBroker(data_dir=tmp_path) as broker:
        theirs = AsyncBroker.around(broker.server)
        broker.server.starts_again = False
        for ask in (theirs.crash, theirs.restart):
            with pytest.raises(RuntimeError, match="started by somebody else"):
                await ask()
        with pytest.raises(ValueError, match="nobody here would start this broker again"):
            await theirs.faults.crash_at_byte(10)


def test_while_it_is_down_it_is_refused_and_says_how_to_start_it(opened, tmp_path):
    with Broker(data_dir=tmp_path) as broker:
        broker.crash()
        with pytest.raises(AMQPConnectionError):
            opened(broker)
        with pytest.raises(BrokerStoppedError, match=r"has crashed: restart\(\) starts it again"):
            broker.clock.advance(1)
        with pytest.raises(RuntimeError, match=r"call restart\(\) first"):
            broker.assert_confirmed_survived()


def test_nothing_is_left_of_one_that_crashed(tmp_path):
    gc.collect()
    threads, descriptors = threading.active_count(), len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        with Broker(data_dir=tmp_path) as broker:
            client = amqp.Connection(f"127.0.0.1:{broker.port}")
            client.connect()
            client.channel().queue_declare("orders", durable=True)
            broker.crash()
            broker.restart()
            broker.crash(power_cut=True)
            client.collect()
    gc.collect()
    assert threading.active_count() <= threads
    assert len(os.listdir("/proc/self/fd")) <= descriptors


def test_the_management_api_goes_on_at_its_place(tmp_path):
    def queues() -> list[str]:
        answer = httpx.get(f"{url}/api/queues", auth=("guest", "guest"))
        return [queue["name"] for queue in answer.json()]

    with Broker(data_dir=tmp_path, http=True) as broker:
        url = broker.http_url
        with amqp.Connection(f"127.0.0.1:{broker.port}") as client:
            client.channel().queue_declare("orders", durable=True, auto_delete=False)
        broker.crash()
        broker.restart()
        assert (queues(), broker.http_url) == (["orders"], url)


DEAD = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
KINDS = [
    {"x-queue-type": "quorum"},
    {"x-queue-type": "quorum", "x-delivery-limit": 1, **DEAD},
    {"x-queue-type": "stream"},
    {"x-max-priority": 5},
    {"x-max-length": 3, **DEAD},
    {"x-message-ttl": 5, **DEAD},
]


@pytest.mark.parametrize("arguments", KINDS, ids=lambda arguments: "-".join(map(str, arguments.values())))
def test_whatever_kind_of_queue_it_is(opened, tmp_path, arguments):
    with Broker(data_dir=tmp_path) as broker:
        channel = opened(broker)
        channel.queue_declare("dead", durable=True)
        channel.queue_declare("orders", durable=True, arguments=arguments)
        channel.confirm_delivery()
        broker.faults.crash_at_byte(2_500)
        with suppress(*LOST):
            for number in range(40):
                properties = pika.BasicProperties(delivery_mode=2, priority=number % 6)
                channel.basic_publish("", "orders", b"%d" % (number % 4), properties)
                if "stream" not in arguments.values() and number % 3 == 0:
                    method, _, _ = channel.basic_get("orders")
                    if method is not None:
                        (channel.basic_nack if number % 2 else channel.basic_ack)(method.delivery_tag)
        for power_cut in (False, True):
            broker.crash(power_cut=power_cut)
            broker.restart()
            broker.assert_confirmed_survived()
