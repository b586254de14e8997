"""What is durable is there again after a stop and after kill -9, and what is not is gone."""

import asyncio
import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import aio_pika
import httpx
import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from crashing.brokers import Broker, NotReady
from interop_tests.administrator import Administrator
from interop_tests.rabbitmq import free_ports
from interop_tests.restarting import PERSISTENT, RestartingBroker, publish_persistent
from interop_tests.steps import get_all

End = Callable[[RestartingBroker], None]
ENDS = pytest.mark.parametrize("end", [RestartingBroker.stop, RestartingBroker.kill], ids=["SIGTERM", "SIGKILL"])
PATIENCE_S = 20.0


@pytest.fixture
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where a broker of the test's own may write."""
    if request.config.getoption("--amqpbroker-url", default=None):
        pytest.skip("a broker that was started by somebody else is not ours to restart")
    return tmp_path


@pytest.fixture
def broker(directory: Path) -> Iterator[RestartingBroker]:
    """A broker with a data directory, started."""
    one = RestartingBroker(directory)
    one.start()
    yield one
    one.kill()


def restart(broker: RestartingBroker, end: End) -> None:
    end(broker)
    broker.start()


def take(channel: BlockingChannel, queue: str, count: int) -> list[bytes]:
    """So many messages that are with a client and not acknowledged."""
    taken = islice(channel.consume(queue), count)
    return [body for _, _, body in taken]


def is_there(broker: RestartingBroker, declare: Callable[[BlockingChannel], object]) -> bool:
    with broker.channel() as channel:
        try:
            declare(channel)
        except ChannelClosedByBroker as closed:
            assert closed.reply_code == 404
            return False
        return True


@ENDS
def test_persistent_messages_of_a_durable_queue_come_back_in_order(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
        publish_persistent(channel, "work", *range(500))
    restart(broker, end)
    with broker.channel() as channel:
        assert [body for body, _ in get_all(channel, "work", auto_ack=True)] == [str(number) for number in range(500)]


@ENDS
def test_a_message_keeps_its_properties_its_address_and_its_body(broker: RestartingBroker, end: End) -> None:
    properties = pika.BasicProperties(
        content_type="application/json", headers={"x": [1, None, {"y": b"\0"}]}, priority=3, delivery_mode=2
    )
    body = bytes(range(256)) * 4_096
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
        channel.exchange_declare("trade", "topic", durable=True)
        channel.queue_bind("work", "trade", "#")
        channel.confirm_delivery()
        channel.basic_publish("trade", "some.key", body, properties)
    restart(broker, end)
    with broker.channel() as channel:
        method, kept, kept_body = channel.basic_get("work")
        assert (method.exchange, method.routing_key, kept_body) == ("trade", "some.key", body)
        assert kept == properties


@ENDS
def test_transient_messages_are_gone(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
        channel.confirm_delivery()
        for number in range(10):
            channel.basic_publish("", "work", b"%d" % number, PERSISTENT if number % 2 else None)
    restart(broker, end)
    with broker.channel() as channel:
        assert [body for body, _ in get_all(channel, "work", auto_ack=True)] == ["1", "3", "5", "7", "9"]


@ENDS
def test_durable_exchanges_and_bindings_are_there(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
        channel.exchange_declare("first", "direct", durable=True)
        channel.exchange_declare("second", "headers", durable=True)
        channel.exchange_bind("second", "first", "key")
        channel.queue_bind("work", "second", arguments={"x-match": "all", "colour": "red"})
    restart(broker, end)
    red = pika.BasicProperties(headers={"colour": "red"})
    with broker.channel() as channel:
        channel.basic_publish("first", "key", b"red", red)
        channel.basic_publish("first", "another key", b"not routed", red)
        channel.basic_publish("first", "key", b"not red")
        assert get_all(channel, "work", auto_ack=True) == [("red", False)]


@ENDS
def test_what_was_deleted_stays_away(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        channel.exchange_declare("trade", "fanout", durable=True)
        for queue in ("unbound", "deleted"):
            channel.queue_declare(queue, durable=True)
            channel.queue_bind(queue, "trade")
        publish_persistent(channel, "deleted", "old")
        channel.queue_unbind("unbound", "trade")
        channel.queue_delete("deleted")
    restart(broker, end)
    with broker.channel() as channel:
        publish_persistent(channel, "unbound", "alone")
        channel.basic_publish("trade", "", b"nobody is bound")
        assert channel.queue_declare("unbound", durable=True).method.message_count == 1
        assert channel.queue_declare("deleted", durable=True).method.message_count == 0


@ENDS
def test_queues_and_exchanges_that_are_not_durable_are_gone(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        channel.queue_declare("passing")
        channel.exchange_declare("passing", "fanout")
        publish_persistent(channel, "passing", "persistent in a queue that is not durable")
    restart(broker, end)
    assert not is_there(broker, lambda channel: channel.queue_declare("passing", passive=True))
    assert not is_there(broker, lambda channel: channel.exchange_declare("passing", passive=True))


@ENDS
def test_an_exclusive_queue_ends_with_its_connection_also_if_it_is_durable(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        channel.queue_declare("mine", durable=True, exclusive=True)
        publish_persistent(channel, "mine", "mine")
        restart(broker, end)
    assert not is_there(broker, lambda channel: channel.queue_declare("mine", passive=True))


@ENDS
def test_a_durable_queue_that_deletes_itself_waits_for_its_next_consumer(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        channel.queue_declare("fleeting", durable=True, auto_delete=True)
        publish_persistent(channel, "fleeting", "kept")
    restart(broker, end)
    with broker.channel() as channel:
        assert take(channel, "fleeting", 1) == [b"kept"]
    assert not is_there(broker, lambda channel: channel.queue_declare("fleeting", passive=True))


@ENDS
def test_what_a_client_had_unacknowledged_is_flagged_as_redelivered(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
        publish_persistent(channel, "work", *range(1_000))
        channel.basic_qos(prefetch_count=10)
        take(channel, "work", 10)
        restart(broker, end)
    with broker.channel() as channel:
        found = get_all(channel, "work", auto_ack=True)
    assert [body for body, _ in found] == [str(number) for number in range(1_000)]
    flags = [redelivered for _, redelivered in found]
    assert flags[:10] == [True] * 10
    assert not flags[-1]


def test_after_a_stop_nothing_else_is_flagged(broker: RestartingBroker) -> None:
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
        publish_persistent(channel, "work", *range(100))
        channel.basic_qos(prefetch_count=10)
        take(channel, "work", 10)
        restart(broker, RestartingBroker.stop)
    with broker.channel() as channel:
        assert [flag for _, flag in get_all(channel, "work", auto_ack=True)] == [True] * 10 + [False] * 90


@ENDS
def test_what_was_acknowledged_stays_away(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
        publish_persistent(channel, "work", *range(100))
        for method, _, _ in islice(channel.consume("work"), 50):
            channel.basic_ack(method.delivery_tag)
        channel.cancel()
        # Confirmed behind them on the same channel: so they are on disk.
        publish_persistent(channel, "work", "behind")
    restart(broker, end)
    with broker.channel() as channel:
        found = [body for body, _ in get_all(channel, "work", auto_ack=True)]
    assert found == [*(str(number) for number in range(50, 100)), "behind"]


@ENDS
def test_a_committed_transaction_is_there_and_an_open_one_is_not(broker: RestartingBroker, end: End) -> None:
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
        channel.tx_select()
        channel.basic_publish("", "work", b"committed", PERSISTENT)
        channel.tx_commit()
        channel.basic_publish("", "work", b"open", PERSISTENT)
        restart(broker, end)
    with broker.channel() as channel:
        assert [body for body, _ in get_all(channel, "work", auto_ack=True)] == ["committed"]


def test_an_acknowledgement_and_what_was_published_for_it_are_committed_together(broker: RestartingBroker) -> None:
    with broker.channel() as channel:
        for queue in ("from", "to"):
            channel.queue_declare(queue, durable=True)
        publish_persistent(channel, "from", "a", "b")
    with broker.channel() as channel:
        channel.tx_select()
        for method, _, body in islice(channel.consume("from"), 2):
            channel.basic_publish("", "to", body, PERSISTENT)
            channel.basic_ack(method.delivery_tag)
            if body == b"a":
                channel.tx_commit()
        restart(broker, RestartingBroker.kill)
    with broker.channel() as channel:
        assert get_all(channel, "from", auto_ack=True) == [("b", True)]
        assert [body for body, _ in get_all(channel, "to", auto_ack=True)] == ["a"]


def test_the_pair_of_programs_with_a_durable_queue(broker: RestartingBroker) -> None:
    """Ten greetings, a consumer that never acknowledges, kill -9: all of them again, in order, flagged."""
    greetings = [{"body": f"Hello World {number}!"} for number in range(10)]
    with broker.channel() as producer:
        producer.queue_declare(queue="hello", durable=True)
        producer.confirm_delivery()
        for message in greetings:
            producer.basic_publish("", "hello", json.dumps(message).encode(), PERSISTENT)
    with broker.channel() as consumer:
        consumer.queue_declare(queue="hello", durable=True)
        assert [json.loads(body) for body in take(consumer, "hello", 10)] == greetings
        restart(broker, RestartingBroker.kill)
    with broker.channel() as consumer:
        consumer.queue_declare(queue="hello", durable=True)
        found = get_all(consumer, "hello")
    assert [(json.loads(body), flag) for body, flag in found] == [(message, True) for message in greetings]


async def test_a_robust_connection_goes_on_where_it_was(broker: RestartingBroker) -> None:
    connection = await aio_pika.connect_robust(broker.url, reconnect_interval=0.1)
    async with connection, asyncio.timeout(PATIENCE_S):
        channel = await connection.channel()
        queue = await channel.declare_queue("work", durable=True)
        found: asyncio.Queue[tuple[bytes, bool | None]] = asyncio.Queue()

        async def note(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            await found.put((message.body, message.redelivered))

        await queue.consume(note)
        message = aio_pika.Message(b"kept", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, "work")
        assert await found.get() == (b"kept", False)
        await asyncio.to_thread(restart, broker, RestartingBroker.kill)
        assert await found.get() == (b"kept", True)


def test_in_memory_nothing_survives_and_nothing_is_written(directory: Path) -> None:
    broker = RestartingBroker(directory)
    broker.start()
    broker.stop()
    command = Broker(directory / "unused", directory, "--memory")
    with pytest.raises(NotReady, match="memory"):
        command.wait_until_ready()
    assert not (directory / "unused").exists()


def test_without_sync_it_says_so_and_survives_a_kill(directory: Path) -> None:
    broker = RestartingBroker(directory, "--no-sync")
    broker.start()
    assert broker.process is not None
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
        publish_persistent(channel, "work", "in the page cache")
    assert "WITHOUT fsync: a power cut loses what was confirmed" in broker.process.output()
    restart(broker, RestartingBroker.kill)
    with broker.channel() as channel:
        assert len(get_all(channel, "work", auto_ack=True)) == 1
    broker.stop()


def test_a_directory_in_use_is_refused_and_the_process_named(broker: RestartingBroker, tmp_path: Path) -> None:
    scratch = tmp_path / "second"
    scratch.mkdir()
    second = Broker(broker.data_dir, scratch)
    assert broker.process is not None
    with pytest.raises(
        NotReady, match=f"ended with 1: .*in use by process {broker.process.process.pid}; stop the broker"
    ):
        second.wait_until_ready()


def test_the_first_broker_goes_on_beside_one_that_was_refused(broker: RestartingBroker, tmp_path: Path) -> None:
    with broker.channel() as channel:
        channel.queue_declare("work", durable=True)
        test_a_directory_in_use_is_refused_and_the_process_named(broker, tmp_path)
        publish_persistent(channel, "work", "still here")
    restart(broker, RestartingBroker.kill)
    with broker.channel() as channel:
        assert len(get_all(channel, "work", auto_ack=True)) == 1


def test_a_directory_that_cannot_be_made_is_refused(directory: Path) -> None:
    (directory / "file").write_text("not a directory")
    refused = Broker(directory / "file" / "data", directory)
    with pytest.raises(NotReady, match=r"ended with 1: amqpbroker: could not start: .*file"):
        refused.wait_until_ready()
    assert "Traceback" not in refused.output()


def test_a_directory_of_a_newer_version_is_refused_and_left_as_it_is(broker: RestartingBroker) -> None:
    broker.stop()
    manifest = broker.data_dir / "MANIFEST"
    manifest.write_bytes(manifest.read_bytes().replace(b"amqpbroker-journal 2 ", b"amqpbroker-journal 9 "))
    before = contents(broker.data_dir)
    with pytest.raises(NotReady, match=r"ended with 1: .*MANIFEST.* version 9, and this broker reads versions up to 2"):
        broker.start()
    assert contents(broker.data_dir) == before


def contents(directory: Path) -> dict[str, bytes]:
    """Every file but the lock, which is each broker's that looks."""
    files = [path for path in directory.rglob("*") if path.is_file() and path.name != "LOCK"]
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def test_users_and_what_they_may_survive_a_kill(directory: Path) -> None:
    (http_port,) = free_ports(1)
    broker = RestartingBroker(directory, "--http-port", str(http_port))
    broker.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{http_port}/api", auth=("guest", "guest")) as client:
        administrator = Administrator(client)
        administrator.put("vhosts", "orders", description="of the shop")
        administrator.put("users", "anna", password="secret", tags="management")
        administrator.permit("anna", "orders", configure="^a", write=".*", read=".*")
    broker.kill()
    broker.start()
    parameters = pika.URLParameters(f"amqp://anna:secret@127.0.0.1:{broker.port}/orders")
    channel = pika.BlockingConnection(parameters).channel()
    channel.queue_declare("allowed", exclusive=True)
    with pytest.raises(ChannelClosedByBroker, match="configure access to queue 'tasks'"):
        channel.queue_declare("tasks")
    channel.connection.close()
    broker.stop()
