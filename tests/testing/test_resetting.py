"""The broker as it was when it started, with all that it can have had in between."""

import gc
import json
import weakref

import pika
import pytest
from pika.exceptions import ConnectionClosedByBroker, NackError, ProbableAuthenticationError

from amqpbroker.testing import AsyncBroker, Broker

DYING = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}


def connected(broker, **changes) -> pika.BlockingConnection:
    parameters = pika.URLParameters(broker.url)
    for name, value in changes.items():
        setattr(parameters, name, value)
    return pika.BlockingConnection(parameters)


def told(connection) -> None:
    """The client learns that its connection was closed."""
    with pytest.raises(ConnectionClosedByBroker, match=r"320.*the broker was reset"):
        connection.channel()


def publish(channel, queue: str, *bodies: bytes, **properties) -> None:
    for body in bodies:
        channel.basic_publish("", queue, body, pika.BasicProperties(**properties))


def declare_all_kinds(channel) -> None:
    """Whatever has a time of its own, or keeps anything."""
    channel.queue_declare("dead")
    channel.queue_declare("tasks", durable=True, arguments=DYING | {"x-message-ttl": 60_000, "x-max-priority": 5})
    channel.queue_declare("ends", arguments={"x-expires": 60_000})
    channel.queue_declare("mine", exclusive=True, arguments=DYING | {"x-message-ttl": 60_000})
    channel.queue_declare("quorum", durable=True, arguments=DYING | {"x-queue-type": "quorum", "x-message-ttl": 60_000})
    channel.queue_declare("stream", durable=True, arguments={"x-queue-type": "stream"})
    channel.exchange_declare("later", "x-delayed-message", arguments={"x-delayed-type": "fanout"})
    channel.exchange_declare("history", "x-recent-history", durable=True)
    channel.queue_bind("dead", "later")
    channel.queue_bind("dead", "amq.topic", "#")
    for queue in ("tasks", "ends", "mine", "quorum", "stream"):
        publish(channel, queue, b"1", b"2", b"3", priority=3, delivery_mode=2)
    channel.basic_publish("later", "", b"4", pika.BasicProperties(headers={"x-delay": 60_000}))
    channel.basic_publish("history", "", b"5")
    for queue in ("tasks", "quorum", "mine"):
        channel.basic_get(queue)


def exchanges(broker) -> list[str]:
    return [name for name in broker.exchanges if name and not name.startswith("amq.")]


@pytest.fixture(params=["in memory", "kept", "on disk"])
def emptied(request, tmp_path):
    """A broker that had everything, and was reset."""
    settings = {"data_dir": tmp_path} if request.param == "on disk" else {}
    with Broker(**settings) as broker:
        connection = connected(broker)
        channel = connection.channel()
        declare_all_kinds(channel)
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume("tasks", lambda *_: None)
        broker.create_vhost("other")
        broker.ask(
            lambda: broker.server.broker.vhosts["/"].parameters.set_policy(
                "p", {"pattern": "", "definition": {"max-length": 1}}
            )
        )
        broker.reset(keep_connections=request.param == "kept")
        if request.param != "kept":
            told(connection)
        yield broker
        if connection.is_open:
            connection.close()


def test_nothing_of_what_was_there_is_left(emptied):
    assert (list(emptied.queues), exchanges(emptied), emptied.bindings, emptied.dead_letters) == ([], [], [], [])
    assert (len(emptied.history), emptied.history.dropped) == (0, 0)
    assert emptied.ask(lambda: list(emptied.server.broker.vhosts)) == ["/"]
    assert emptied.ask(lambda: list(emptied.server.broker.vhosts["/"].parameters.policies)) == []


def test_nothing_of_it_falls_due(emptied):
    with connected(emptied) as connection:
        connection.channel().queue_declare("dead")
        # A client that was kept has to settle what it had within half an hour.
        emptied.clock.advance("20m")
        assert (len(emptied.history), emptied.queues["dead"].ready) == (0, 0)


def test_it_does_all_that_it_did_before(emptied):
    with connected(emptied) as connection:
        channel = connection.channel()
        declare_all_kinds(channel)
        assert emptied.queues["tasks"].ready == 2
        emptied.clock.advance("1m")
        assert sorted(message.body for message in emptied.messages("dead")) == [
            b"2",
            b"2",
            b"2",
            b"3",
            b"3",
            b"3",
            b"4",
        ]


def test_connections_are_closed_and_told_why(broker, channel):
    broker.reset()
    assert broker.connections == []
    told(channel.connection)


def test_connections_that_are_kept_lose_their_consumers_and_go_on(broker, channel):
    cancelled = []
    channel.add_on_cancel_callback(cancelled.append)
    channel.queue_declare("tasks")
    publish(channel, "tasks", b"1", b"2")
    tag = channel.basic_get("tasks")[0].delivery_tag
    channel.basic_consume("tasks", lambda *_: None, consumer_tag="worker")
    broker.reset(keep_connections=True)
    while not cancelled:
        channel.connection.process_data_events(time_limit=1)
    assert [frame.method.consumer_tag for frame in cancelled] == ["worker"]
    channel.basic_ack(tag)
    channel.queue_declare("tasks")
    publish(channel, "tasks", b"3")
    assert [message.body for message in broker.messages("tasks")] == [b"3"]


def test_what_a_data_directory_had_is_not_there_after_a_restart(tmp_path):
    with Broker(data_dir=tmp_path) as broker:
        with connected(broker) as connection:
            declare_all_kinds(connection.channel())
        broker.reset()
    with Broker(data_dir=tmp_path) as broker:
        assert (list(broker.queues), exchanges(broker)) == ([], [])


def test_users_and_what_they_may_are_those_of_the_start(broker):
    def change() -> None:
        model = broker.server.broker
        model.users.set("anna", password="a")
        model.users.set("guest", password="other", tags=())
        model.permissions.set("anna", "/", configure="", write="", read="")
        model.permissions.set("guest", "/", configure="", write="", read="")
        model.topic_permissions.set("guest", "/", "amq.topic", write="", read="")
        model.quotas.set_user_limits("guest", {"max-connections": 0})
        model.global_parameters.set("colour", "red")

    broker.ask(change)
    with pytest.raises(ProbableAuthenticationError):
        connected(broker)
    broker.reset()
    model = broker.server.broker
    assert broker.ask(lambda: [user.name for user in model.users]) == ["guest"]
    assert broker.ask(lambda: (list(model.topic_permissions), dict(model.global_parameters))) == ([], {})
    with connected(broker) as connection:
        connection.channel().queue_declare("tasks")


def test_time_goes_on_and_never_back(broker):
    broker.clock.freeze()
    broker.clock.advance("1h")
    then = broker.clock.now()
    broker.reset()
    assert broker.clock.now() >= then
    assert not broker.ask(lambda: broker.server.clock.is_frozen)


def test_what_the_broker_itself_publishes_goes_on():
    with Broker(tracing=True, log_exchange="info") as broker:
        broker.reset()
        connection = connected(broker)
        channel = connection.channel()
        for exchange in ("event", "trace", "log"):
            channel.queue_declare(exchange)
            channel.queue_bind(exchange, f"amq.rabbitmq.{exchange}", "#")
        with connected(broker):
            publish(channel, "event", b"1")
        for exchange in ("event", "trace", "log"):
            broker.wait_for(exchange)
        connection.close()


def test_totals_never_go_down(broker, channel):
    channel.queue_declare("tasks")
    publish(channel, "tasks", b"1", b"2")
    channel.basic_get("tasks")
    broker.reset()
    model = broker.server.broker
    assert broker.ask(lambda: (model.queue_counters["classic"].publish, model.queue_counters["classic"].get)) == (2, 1)
    assert broker.ask(lambda: model.counters.publish_in) == 2


def test_what_definitions_have_declared_is_there_again(tmp_path):
    path = tmp_path / "definitions.json"
    queue = {"name": "tasks", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
    path.write_text(json.dumps({"queues": [queue]}))
    with Broker(definitions=str(path)) as broker:
        with connected(broker, credentials=pika.PlainCredentials("guest", "guest")) as connection:
            channel = connection.channel()
            publish(channel, "tasks", b"1")
            channel.queue_declare("other")
        broker.reset()
        assert {name: state.ready for name, state in broker.queues.items()} == {"tasks": 0}


def test_whoever_has_something_to_forget_is_called(broker):
    called = []
    broker.ask(lambda: broker.server.at_reset.append(lambda: called.append(1)))
    broker.reset()
    assert called == [1]


@pytest.mark.parametrize("resets", [1, 3])
def test_nothing_of_the_former_virtual_hosts_stays_in_memory(broker, resets):
    def known() -> list[weakref.ref]:
        vhosts = broker.server.broker.vhosts.values()
        return [weakref.ref(vhost) for vhost in vhosts]

    former = []
    for _ in range(resets):
        connection = connected(broker)
        declare_all_kinds(connection.channel())
        broker.create_vhost("other")
        former += broker.ask(known)
        broker.reset()
        told(connection)
    broker.ask(broker.server.leftovers.let_go)
    # A client of the last reset is gone when its socket is.
    broker.wait_until(lambda view: not view.server.connections)
    gc.collect()
    assert [one() for one in former] == [None] * 2 * resets


async def test_on_the_loop_of_the_caller():
    import aio_pika

    async with AsyncBroker() as broker:
        connection = await aio_pika.connect(broker.url)
        channel = await connection.channel()
        await channel.declare_queue("tasks")
        await broker.reset()
        assert (list(await broker.queues()), await broker.connections()) == ([], [])
        await connection.close()


def test_faults_and_warnings_are_over(broker, channel):
    broker.faults.nack_publishes()
    channel.confirm_delivery()
    channel.queue_declare("tasks")
    with pytest.raises(NackError):
        publish(channel, "tasks", b"1")
    assert broker.warnings
    broker.reset(keep_connections=True)
    assert (broker.faults.log.hits, broker.warnings) == ([], [])
    channel.queue_declare("tasks")
    publish(channel, "tasks", b"1")
    assert broker.queues["tasks"].ready == 1


def test_the_start_is_that_of_before_a_restart_and_history_goes_on(tmp_path):
    with Broker(data_dir=tmp_path) as broker:
        with connected(broker) as connection:
            declare_all_kinds(connection.channel())
        broker.ask(lambda: broker.server.broker.users.set("anna", password="a"))
        broker.restart()
        assert (broker.queues["tasks"].ready, len(broker.history.published)) == (3, 17)
        broker.reset()
        assert broker.ask(lambda: [user.name for user in broker.server.broker.users]) == ["guest"]
        assert (list(broker.queues), len(broker.history)) == ([], 0)
