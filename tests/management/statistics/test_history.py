"""What was counted when: of every thing that changes, and nothing of the others."""

from amqpbroker.management.statistics.history import History
from amqpbroker.management.statistics.series import Series
from amqpbroker.wire.methods import Queue
from tests.helpers.sessions import consume, opened, publish_numbers, with_queue
from tests.helpers.wire_client import WireClient


class Watched:
    """A client, and the history of its broker, which is asked for every five seconds."""

    def __init__(self, client: WireClient) -> None:
        self.client = client
        self.history = History(client.broker, client.clock)
        self.history.begin()

    def wait(self, intervals: int = 1) -> None:
        for _ in range(intervals):
            self.client.advance(5)

    def of_queue(self, name: str = "tasks") -> Series | None:
        return self.history.series_of(self.client.vhost.queues[name])


def test_traffic_has_a_rate_everywhere() -> None:
    watched = Watched(with_queue())
    client = watched.client
    publish_numbers(client, 10)
    watched.wait()
    channel = client.session.channels[1]
    for thing in (client.vhost.queues["tasks"], channel, client.vhost):
        series = watched.history.series_of(thing)
        assert series is not None and series.rate("publish") == 2.0
    exchange = watched.history.series_of(client.vhost.exchanges[""])
    assert exchange is not None and exchange.rate("publish_in") == exchange.rate("publish_out") == 2.0
    connection = watched.history.series_of(client.session)
    assert connection is not None and connection.rate("recv_oct") > 0


def test_lengths_have_a_rate_too() -> None:
    watched = Watched(with_queue())
    publish_numbers(watched.client, 15)
    watched.wait()
    consume(watched.client, "ctag", no_ack=True)
    watched.wait()
    series = watched.of_queue()
    assert series is not None
    assert (series.rate("messages"), series.rate("messages_ready"), series.rate("deliver_get")) == (-3.0, -3.0, 3.0)


def test_what_was_there_before_is_no_change() -> None:
    watched = Watched(with_queue(count=5))
    watched.wait()
    assert watched.of_queue() is None
    publish_numbers(watched.client, 5)
    watched.wait()
    series = watched.of_queue()
    assert series is not None and series.rate("messages") == series.rate("publish") == 1.0


def test_what_is_idle_for_a_minute_is_forgotten_and_goes_on_where_it_was() -> None:
    watched = Watched(with_queue())
    publish_numbers(watched.client, 5)
    watched.wait(14)
    assert watched.of_queue() is None
    publish_numbers(watched.client, 10)
    watched.wait()
    series = watched.of_queue()
    assert series is not None and series.rate("publish") == 2.0


def test_things_that_are_gone_are_forgotten() -> None:
    watched = Watched(with_queue())
    queue = watched.client.vhost.queues["tasks"]
    publish_numbers(watched.client, 5)
    watched.wait()
    watched.client.send(1, Queue.Delete(queue="tasks"))
    watched.wait()
    assert watched.history.series_of(queue) is None


def test_totals_go_on_when_their_parts_are_gone() -> None:
    watched = Watched(with_queue())
    publish_numbers(watched.client, 5)
    watched.client.vanish()
    watched.client.clock.advance(5)
    series = watched.history.series_of(watched.client.vhost)
    assert series is not None and series.at("publish", watched.history.last_ms) == 5
    churn = watched.history.series_of(watched.client.broker)
    assert churn is not None and churn.rate("connection_closed") == 0.2


def test_a_moment_is_looked_at_once() -> None:
    watched = Watched(opened())
    before = watched.history.last_ms
    watched.history.sample()
    assert watched.history.last_ms == before
    assert before % 5_000 == 0
