"""Publishers and consumers at a broker: how many, how fast at most, and that they end."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from amqpbroker.cli.amqp import Address
from amqpbroker.cli.load.connection import LoadConnection, LoadError
from amqpbroker.cli.load.worker import Consumer, Plan, Publisher, Worker
from amqpbroker.wire.methods import Exchange, Queue
from amqpbroker.wire.properties import Properties
from tests.helpers.served_broker import ServedBroker

DEADLINE_S = 10.0
PLAN = Plan(exchange="", routing_key="q", queue="q", size_bytes=5_000)


@pytest.fixture(scope="module")
def broker() -> Iterator[ServedBroker]:
    served = ServedBroker()
    yield served
    served.stop()


@pytest.fixture
def to(broker: ServedBroker) -> Address:
    return Address("127.0.0.1", broker.port, "guest", "guest", "/")


@pytest.fixture
def ready(broker: ServedBroker, to: Address) -> Iterator[Callable[[], int]]:
    """A queue `q`; gives how many messages wait in it."""
    declaring = LoadConnection(to)
    declaring.call(Queue.Declare(queue="q"), Queue.DeclareOk)
    yield lambda: broker.run(lambda server: server.broker.vhosts["/"].queues["q"].message_count)
    # What a worker that was cut off has sent may still be on its way, and would be in the next test's queue.
    deadline_s = time.monotonic() + DEADLINE_S
    while broker.run(lambda server: len(server.broker.connections)) > 1 and time.monotonic() < deadline_s:
        pass
    declaring.call(Queue.Delete(queue="q"), Queue.DeleteOk)
    declaring.close()


def run(*workers: Worker) -> None:
    """Until all are done, and closed."""
    for worker in workers:
        worker.thread.start()
    for worker in workers:
        worker.thread.join(DEADLINE_S)
        assert worker.is_done
    for worker in workers:
        worker.stop.set()
        worker.close()
        assert worker.error is None


@pytest.mark.parametrize("confirm", [0, 1, 7, 1_000])
def test_a_publisher_publishes_as_many_as_it_is_to(to: Address, ready: Callable[[], int], confirm: int) -> None:
    plan = Plan("", "q", "q", size_bytes=300_000, confirm=confirm, properties=Properties(delivery_mode=2))
    publisher = Publisher(to, plan, 20, threading.Event())
    run(publisher)
    assert (publisher.count, ready()) == (20, 20)
    assert publisher.reading.confirmed == (20 if confirm else 0)


@pytest.mark.parametrize(("ack", "prefetch"), [(0, 0), (1, 1), (10, 50)])
def test_a_consumer_consumes_as_many_as_it_is_to(
    to: Address, ready: Callable[[], int], ack: int, prefetch: int
) -> None:
    stop = threading.Event()
    plan = Plan("", "q", "q", size_bytes=5_000, ack=ack, prefetch=prefetch)
    consumer = Consumer(to, plan, 100, stop)
    publisher = Publisher(to, plan, 100, stop)
    run(publisher, consumer)
    assert (consumer.count, ready()) == (100, 0)


def test_who_has_no_end_is_stopped(to: Address, ready: Callable[[], int]) -> None:
    stop = threading.Event()
    workers = [Publisher(to, PLAN, None, stop), Consumer(to, PLAN, None, stop)]
    for worker in workers:
        worker.thread.start()
    while not all(worker.count for worker in workers):
        pass
    stop.set()
    for worker in workers:
        worker.close()
        worker.thread.join(DEADLINE_S)
        assert (worker.is_done, worker.error) == (True, None)


def test_a_rate_is_kept(to: Address, ready: Callable[[], int]) -> None:
    stop = threading.Event()
    publisher = Publisher(to, Plan("", "q", "q", publish_rate=1.0), None, stop)
    publisher.thread.start()
    while not publisher.count:
        pass
    stop.set()
    publisher.thread.join(DEADLINE_S)
    publisher.close()
    assert publisher.count == ready() < 10


def test_what_is_refused_is_told(to: Address) -> None:
    publisher = Publisher(to, Plan("nowhere", "q", "q"), 1, threading.Event())
    publisher.thread.start()
    publisher.thread.join(DEADLINE_S)
    assert isinstance(publisher.error, LoadError)
    assert "no exchange 'nowhere'" in str(publisher.error)
    publisher.close()


def test_a_connection_that_is_refused(to: Address) -> None:
    with pytest.raises(LoadError, match="403 ACCESS_REFUSED"):
        LoadConnection(to._replace(password="wrong"))
    with pytest.raises(LoadError, match="530 NOT_ALLOWED"):
        LoadConnection(to._replace(vhost="nowhere"))


def test_a_channel_that_is_closed(to: Address) -> None:
    connection = LoadConnection(to)
    with pytest.raises(LoadError, match="404 NOT_FOUND"):
        connection.call(Exchange.Declare(exchange="nowhere", passive=True), Exchange.DeclareOk)
    connection.close()
