"""What is counted: on queues, exchanges and channels, kept when they are gone, each message once."""

import pytest

from amqpbroker.limits import UNCOUNTED_MAX
from amqpbroker.model.counters import COUNTED, Counters, Traffic
from amqpbroker.wire.constants import PROTOCOL_HEADER
from amqpbroker.wire.methods import Basic, Channel, Confirm, Connection, Exchange, Queue, Tx, encode_frame
from amqpbroker.wire.tables import Field, long_string
from tests.helpers.durable import durable_client, publish, server_of
from tests.helpers.sessions import bind, consume, declare_exchange, opened, publish_numbers, with_queue
from tests.helpers.wire_client import WireClient, start_ok


def counted(counters: Counters) -> dict[str, int]:
    """What is not zero."""
    return {name: count for name in COUNTED if (count := getattr(counters, name))}


def of_queue(client: WireClient, name: str = "tasks") -> dict[str, int]:
    client.vhost.count_up()
    return counted(client.vhost.queues[name].counters)


def of_channel(client: WireClient, number: int = 1) -> dict[str, int]:
    client.vhost.count_up()
    return counted(client.session._channels[number].counters)


def of_exchange(client: WireClient, name: str) -> dict[str, int]:
    client.vhost.count_up()
    return counted(client.vhost.exchanges[name].counters)


def test_counters_are_added() -> None:
    total, other = Counters(), Counters()
    total.publish, other.publish, other.get = 1, 2, 3
    total.add(other)
    assert counted(total) == {"publish": 3, "get": 3}


def test_all_that_went_to_clients_is_one_number() -> None:
    counters = Counters()
    counters.deliver, counters.deliver_no_ack, counters.get, counters.get_no_ack, counters.ack = 1, 20, 300, 4_000, 9
    assert counters.deliver_get == 4_321


def test_what_is_published_is_counted_on_channel_exchange_and_queues() -> None:
    client = opened()
    declare_exchange(client, "news")
    for name in ("a", "b"):
        client.send(1, Queue.Declare(queue=name))
        bind(client, "news", name)
    for _ in range(3):
        client.publish(1, "news", "any", b"body")
    assert of_channel(client) == {"publish": 3}
    assert of_exchange(client, "news") == {"publish_in": 3, "publish_out": 6}
    assert of_queue(client, "a") == of_queue(client, "b") == {"publish": 3}


def test_what_reaches_no_queue_comes_back_or_is_dropped() -> None:
    client = opened()
    client.publish(1, "", "nowhere", b"body")
    client.send(1, Confirm.Select())
    client.publish(1, "", "nowhere", b"body", mandatory=True)
    published = {"publish": 2, "publish_confirm": 1, "confirm": 1}
    assert of_channel(client) == published | {"return_unroutable": 1, "drop_unroutable": 1}
    assert of_exchange(client, "") == {"publish_in": 2}


def test_what_waits_for_the_disk_is_not_confirmed() -> None:
    client = durable_client()
    client.send(1, Confirm.Select())
    publish(client, "one", "two")
    server = server_of(client)
    assert of_channel(client) == {"publish": 2, "publish_confirm": 2}
    server.commit()
    assert of_channel(client) == {"publish": 2, "publish_confirm": 2, "confirm": 2}
    assert of_queue(client) == {"publish": 2, "disk_writes": 2}


def test_what_is_refused_is_not_confirmed() -> None:
    client = opened()
    limit = {"x-max-length": Field("I", 1), "x-overflow": long_string("reject-publish")}
    client.send(1, Queue.Declare(queue="tasks", arguments=limit), Confirm.Select())
    publish_numbers(client, 3)
    assert of_channel(client) == {"publish": 3, "publish_confirm": 3, "confirm": 1}
    assert of_queue(client) == {"publish": 3}
    assert client.vhost.queues["tasks"].message_count == 1


def test_a_transaction_counts_when_it_is_committed() -> None:
    client = with_queue()
    client.send(1, Tx.Select())
    publish_numbers(client, 2)
    assert of_queue(client) == of_channel(client) == {}
    client.send(1, Tx.Commit())
    assert of_queue(client) == of_channel(client) == {"publish": 2}


@pytest.mark.parametrize(("no_ack", "kind"), [(False, "deliver"), (True, "deliver_no_ack")])
def test_deliveries_are_counted_by_whether_they_are_to_be_acknowledged(no_ack: bool, kind: str) -> None:
    client = with_queue(count=2)
    consume(client, "ctag", no_ack=no_ack)
    publish_numbers(client, 3)
    assert of_queue(client) == of_channel(client) == {"publish": 5, kind: 5}


def test_acks_and_what_goes_out_again_are_counted() -> None:
    client = with_queue(count=3)
    consume(client, "ctag")
    client.send(1, Basic.Ack(delivery_tag=1), Basic.Nack(delivery_tag=3, multiple=True, requeue=True))
    assert of_queue(client) == of_channel(client) == {"publish": 3, "deliver": 5, "redeliver": 2, "ack": 1}


def test_what_is_got_is_counted_also_when_there_is_nothing() -> None:
    client = with_queue(count=2)
    client.send(1, Basic.Get(queue="tasks"), Basic.Reject(delivery_tag=1, requeue=True))
    client.send(1, Basic.Get(queue="tasks"), Basic.Get(queue="tasks", no_ack=True), Basic.Get(queue="tasks"))
    got = {"get": 2, "redeliver": 1, "get_no_ack": 1, "get_empty": 1}
    assert of_queue(client) == of_channel(client) == {"publish": 2} | got


@pytest.mark.parametrize("kind", ["quorum", "x-max-priority"])
def test_queues_made_of_parts_count_once(kind: str) -> None:
    client = opened()
    if kind == "quorum":
        client.send(1, Queue.Declare(queue="tasks", durable=True, arguments={"x-queue-type": long_string(kind)}))
    else:
        client.send(1, Queue.Declare(queue="tasks", arguments={kind: Field("I", 5)}))
    publish_numbers(client, 3)
    consume(client, "ctag")
    client.send(1, Basic.Reject(delivery_tag=1, requeue=True), Basic.Cancel(consumer_tag="ctag", nowait=True))
    client.send(1, Basic.Reject(delivery_tag=2, requeue=True), Basic.Get(queue="tasks"))
    assert of_queue(client) == {"publish": 3, "deliver": 4, "get": 1, "redeliver": 2}


def test_dead_letters_are_nobodys_publishes() -> None:
    client = opened()
    to_dead = {"x-dead-letter-exchange": long_string(""), "x-dead-letter-routing-key": long_string("dead")}
    client.send(1, Queue.Declare(queue="dead"), Queue.Declare(queue="tasks", arguments=to_dead))
    publish_numbers(client, 2)
    consume(client, "ctag")
    client.send(1, Basic.Nack(delivery_tag=2, multiple=True, requeue=False))
    assert of_queue(client, "dead") == {}
    assert client.vhost.queues["dead"].message_count == 2


def test_a_closed_channel_stays_in_the_totals() -> None:
    client = with_queue(count=3)
    consume(client, "ctag", no_ack=True)
    client.send(1, Channel.Close())
    assert counted(client.vhost.counters) == {"publish": 3, "deliver_no_ack": 3}


def test_deleted_exchanges_and_queues_stay_in_the_totals() -> None:
    client = durable_client()
    declare_exchange(client, "news")
    bind(client, "news")
    publish(client, "1", "2", exchange="news")
    client.send(1, Exchange.Delete(exchange="news"), Queue.Delete(queue="tasks"))
    assert counted(client.vhost.counters) == {"publish_in": 2, "publish_out": 2, "disk_writes": 2}
    assert counted(client.vhost.queue_counters["classic"]) == {"publish": 2, "disk_writes": 2}


def test_churn_is_counted() -> None:
    client = with_queue()
    client.send(1, Queue.Declare(queue="tasks"), Queue.Declare(queue="tasks", passive=True))
    client.send(1, Queue.Delete(queue="tasks"), Channel.Close())
    client.send(0, Connection.Close())
    churn = client.server.broker.churn
    assert (churn.connection_created, churn.connection_closed) == (1, 1)
    assert (churn.channel_created, churn.channel_closed) == (1, 1)
    assert (churn.queue_declared, churn.queue_created, churn.queue_deleted) == (2, 1, 1)


def test_attempts_to_log_in_are_counted() -> None:
    client = opened()
    WireClient(client.server).feed(PROTOCOL_HEADER + encode_frame(0, start_ok(password="wrong")))
    attempts = client.server.broker.attempts["amqp091"]
    assert (attempts.succeeded, attempts.failed) == (1, 1)


def test_the_octets_of_closed_connections_are_kept() -> None:
    client = with_queue(count=1)
    before = client.session.traffic()
    assert (before.recv_oct, before.send_oct) == (client.session.wire.octets_received, len(client.octets))
    client.vanish()
    kept = client.vhost.traffic
    assert (kept.recv_oct, kept.send_oct) == (before.recv_oct, before.send_oct)
    total = Traffic(1, 2, 3, 4)
    total.add(Traffic(10, 20, 30, 40))
    assert (total.recv_oct, total.recv_cnt, total.send_oct, total.send_cnt) == (11, 22, 33, 44)


def test_what_goes_a_way_of_its_own_is_counted_up_now_and_then() -> None:
    client = with_queue()
    for _ in range(UNCOUNTED_MAX):
        client.publish(1, "", "tasks", b"", expiration="60000")
    assert client.vhost.queues["tasks"].counters.publish >= UNCOUNTED_MAX - 1
    assert of_queue(client) == {"publish": UNCOUNTED_MAX}


def test_many_are_taken_in_at_once_as_one_by_one() -> None:
    one, other, sums, at_once = Counters(), Counters(), Counters(), Counters()
    for place, name in enumerate(COUNTED, 1):
        setattr(one, name, place)
        setattr(other, name, 100 * place)
    for counters in (one, other):
        sums.add(counters)
    at_once.add_all([one, other])
    at_once.add_all([])
    assert counted(at_once) == counted(sums) == {name: 101 * place for place, name in enumerate(COUNTED, 1)}
