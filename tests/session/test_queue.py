"""queue.*: declare, bind, unbind, purge, delete."""

import pytest

from amqpbroker.errors import ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED, RESOURCE_LOCKED
from amqpbroker.wire.methods import Basic, Method, Queue
from amqpbroker.wire.tables import from_python
from tests.helpers.durable import DurableServer, durable_client, publish, server_of
from tests.helpers.sessions import bind, consume, declare_exchange, fault, opened, publish_numbers, waiting, with_queue
from tests.helpers.wire_client import WireClient

# declare


def test_declaring_tells_the_name_and_what_is_there() -> None:
    client = with_queue(count=3)
    consumer = opened(client.server)
    consumer.send(1, Basic.Qos(prefetch_count=1))
    consume(consumer, "ctag")
    again = client.call(1, Queue.Declare(queue="tasks"))
    assert again == Queue.DeclareOk(queue="tasks", message_count=2, consumer_count=1)
    assert client.call(1, Queue.Declare(queue="tasks", passive=True)) == again


def test_a_queue_without_a_name_is_given_one_that_is_the_last_declared() -> None:
    client = opened()
    answer = client.call(1, Queue.Declare())
    assert isinstance(answer, Queue.DeclareOk)
    assert answer.queue.startswith("amq.gen-")
    assert client.call(1, Queue.Purge()) == Queue.PurgeOk()


def test_declaring_without_an_answer_declares() -> None:
    client = opened()
    client.send(1, Queue.Declare(queue="tasks", nowait=True))
    assert client.take() == []
    assert "tasks" in client.vhost.queues


def test_line_breaks_in_a_name_are_stripped() -> None:
    assert opened().call(1, Queue.Declare(queue="ta\r\nsks")) == Queue.DeclareOk(queue="tasks")


@pytest.mark.parametrize(
    ("method", "text"),
    [
        (
            Queue.Declare(queue="tasks", durable=True),
            "inequivalent arg 'durable' for queue 'tasks' in vhost '/': received 'true' but current is 'false'",
        ),
        (
            Queue.Declare(queue="tasks", auto_delete=True),
            "inequivalent arg 'auto_delete' for queue 'tasks' in vhost '/': received 'true' but current is 'false'",
        ),
    ],
)
def test_a_queue_is_not_declared_as_another_kind(method: Method, text: str) -> None:
    assert fault(with_queue(), 1, method) == (PRECONDITION_FAILED, f"PRECONDITION_FAILED - {text}")


def test_names_of_the_server_cannot_be_declared_and_missing_queues_not_looked_up() -> None:
    client = opened(None, 1, 2)
    text = "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'"
    assert fault(client, 1, Queue.Declare(queue="amq.mine")) == (ACCESS_REFUSED, text)
    text = "NOT_FOUND - no queue 'tasks' in vhost '/'"
    assert fault(client, 2, Queue.Declare(queue="tasks", passive=True)) == (NOT_FOUND, text)


# Exclusive queues


@pytest.mark.parametrize(
    "method",
    [
        Queue.Declare(queue="mine"),
        Queue.Declare(queue="mine", exclusive=True),
        Queue.Declare(queue="mine", passive=True),
        Queue.Bind(queue="mine", exchange="amq.fanout"),
        Queue.Purge(queue="mine"),
        Queue.Delete(queue="mine"),
        Basic.Consume(queue="mine"),
        Basic.Get(queue="mine"),
    ],
)
def test_an_exclusive_queue_is_locked_to_others(method: Method) -> None:
    owner = opened()
    owner.send(1, Queue.Declare(queue="mine", exclusive=True))
    code, text = fault(opened(owner.server), 1, method)
    assert code == RESOURCE_LOCKED
    assert text.startswith("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'.")


def test_anybody_may_publish_to_an_exclusive_queue() -> None:
    owner = opened()
    owner.send(1, Queue.Declare(queue="mine", exclusive=True))
    opened(owner.server).publish(1, "", "mine", b"body")
    assert waiting(owner, "mine") == [(b"body", False)]


def test_an_exclusive_queue_is_its_connections_and_not_its_channels() -> None:
    owner = opened(None, 1, 2)
    owner.send(1, Queue.Declare(queue="mine", exclusive=True))
    assert owner.call(2, Queue.Declare(queue="mine", exclusive=True)) == Queue.DeclareOk(queue="mine")


def test_an_exclusive_queue_goes_with_its_connection() -> None:
    owner = opened()
    owner.send(1, Queue.Declare(queue="mine", exclusive=True), Queue.Declare(queue="shared"))
    owner.vanish()
    assert set(owner.vhost.queues) == {"shared"}


def test_durable_counts_for_nothing_on_an_exclusive_queue() -> None:
    owner = opened()
    owner.send(1, Queue.Declare(queue="mine", exclusive=True, durable=True))
    owner.take()
    assert owner.call(1, Queue.Declare(queue="mine", exclusive=True)) == Queue.DeclareOk(queue="mine")


@pytest.mark.parametrize("auto_delete", [True, False])
def test_exclusive_queues_that_come_and_go_are_not_kept(auto_delete: bool) -> None:
    owner = opened()
    for _ in range(5):
        owner.send(1, Queue.Declare(queue="mine", exclusive=True, auto_delete=auto_delete))
        consume(owner, "ctag", name="mine")
        owner.send(1, Basic.Cancel(consumer_tag="ctag", nowait=True))
        owner.send(1, Queue.Delete(queue="mine", nowait=True))
    assert owner.session.exclusive_queues == {}


# Auto-delete queues


def test_an_auto_delete_queue_goes_with_its_last_consumer() -> None:
    client = opened()
    client.send(1, Queue.Declare(queue="tasks", auto_delete=True), Basic.Get(queue="tasks"))
    for tag in ("a", "b"):
        consume(client, tag)
    client.send(1, Basic.Cancel(consumer_tag="a"))
    assert "tasks" in client.vhost.queues
    client.send(1, Basic.Cancel(consumer_tag="b"))
    assert "tasks" not in client.vhost.queues


@pytest.mark.parametrize("end", ["channel", "connection"])
def test_an_auto_delete_queue_goes_with_the_channel_of_its_last_consumer(end: str) -> None:
    client = opened(None, 1, 2)
    client.send(1, Queue.Declare(queue="tasks", auto_delete=True))
    consume(client, "ctag", channel=2)
    publish_numbers(client, 2)
    if end == "channel":
        code, _ = fault(client, 2, Queue.Purge(queue="missing"))
        assert code == NOT_FOUND
    else:
        client.vanish()
    assert "tasks" not in client.vhost.queues


# bind and unbind


def test_a_binding_leads_to_the_queue_until_it_is_undone() -> None:
    client = with_queue()
    assert client.call(1, Queue.Bind(queue="tasks", exchange="amq.direct", routing_key="key")) == Queue.BindOk()
    client.publish(1, "amq.direct", "key", b"1")
    unbound = client.call(1, Queue.Unbind(queue="tasks", exchange="amq.direct", routing_key="key"))
    assert unbound == Queue.UnbindOk()
    client.publish(1, "amq.direct", "key", b"2")
    assert waiting(client) == [(b"1", False)]


def test_an_empty_queue_and_key_stand_for_the_last_declared_queues_name() -> None:
    client = with_queue()
    client.send(1, Queue.Bind(exchange="amq.direct"))
    client.publish(1, "amq.direct", "tasks", b"1")
    assert waiting(client) == [(b"1", False)]


def test_unbinding_what_is_not_bound_is_no_error() -> None:
    for method in (
        Queue.Unbind(queue="tasks", exchange="amq.direct"),
        Queue.Unbind(queue="missing", exchange="amq.direct"),
        Queue.Unbind(queue="tasks", exchange="missing"),
    ):
        assert with_queue().call(1, method) == Queue.UnbindOk()


@pytest.mark.parametrize(
    ("method", "code", "text"),
    [
        (Queue.Bind(queue="none", exchange="amq.direct"), NOT_FOUND, "NOT_FOUND - no queue 'none' in vhost '/'"),
        (Queue.Bind(queue="tasks", exchange="none"), NOT_FOUND, "NOT_FOUND - no exchange 'none' in vhost '/'"),
        (
            Queue.Bind(queue="tasks"),
            ACCESS_REFUSED,
            "ACCESS_REFUSED - operation not permitted on the default exchange",
        ),
    ],
)
def test_what_cannot_be_bound_is_refused(method: Method, code: int, text: str) -> None:
    assert fault(with_queue(), 1, method) == (code, text)


# purge and delete


def test_purge_drops_what_waits_and_keeps_what_is_unacknowledged() -> None:
    client = with_queue(count=5)
    client.send(1, *[Basic.Get(queue="tasks")] * 2, Basic.Reject(delivery_tag=1, requeue=True))
    client.take()
    assert client.call(1, Queue.Purge(queue="tasks")) == Queue.PurgeOk(message_count=4)
    client.send(1, Basic.Reject(delivery_tag=2, requeue=True))
    assert waiting(client) == [(b"2", True)]


def test_delete_tells_how_many_messages_went() -> None:
    client = with_queue(count=3)
    assert client.call(1, Queue.Delete(queue="tasks")) == Queue.DeleteOk(message_count=3)
    assert client.call(1, Queue.Delete(queue="tasks")) == Queue.DeleteOk()


@pytest.mark.parametrize(
    ("method", "text"),
    [
        (Queue.Delete(queue="tasks", if_unused=True), "in use"),
        (Queue.Delete(queue="tasks", if_empty=True), "not empty"),
    ],
)
def test_a_queue_in_use_or_with_messages_stays_if_asked_for(method: Method, text: str) -> None:
    client = with_queue(count=2)
    other = opened(client.server)
    other.send(1, Basic.Qos(prefetch_count=1))
    consume(other, "ctag")
    assert fault(client, 1, method) == (PRECONDITION_FAILED, f"PRECONDITION_FAILED - queue 'tasks' in vhost '/' {text}")
    assert waiting(client) == [(b"2", False)]


def test_a_deleted_queues_consumers_are_told_after_the_answer() -> None:
    client = with_queue()
    consume(client, "ctag")
    client.send(1, Queue.Delete(queue="tasks"))
    assert client.methods() == [Queue.DeleteOk(), Basic.Cancel(consumer_tag="ctag", nowait=True)]


def test_who_did_not_ask_to_be_told_is_not() -> None:
    client = with_queue()
    other = WireClient(client.server).connect(client_properties={}).open_channel(1)
    consume(other, "ctag")
    client.send(1, Queue.Delete(queue="tasks"))
    assert other.take() == []


@pytest.mark.parametrize("method", [Basic.Ack, Basic.Reject, Basic.Nack])
def test_what_a_deleted_queue_gave_out_can_still_be_settled(method: type[Basic.Ack]) -> None:
    client = with_queue(count=2)
    consume(client, "ctag")
    client.send(1, Queue.Delete(queue="tasks", nowait=True), Queue.Declare(queue="tasks", nowait=True))
    client.take()
    client.send(1, method(delivery_tag=1))
    client.send(1, Basic.Nack(delivery_tag=2, requeue=True))
    assert client.take() == []
    assert waiting(client) == []
    assert client.session._channels[1].by_number == {}


def test_a_deleted_queues_bindings_do_not_come_back_with_its_name() -> None:
    client = with_queue()
    declare_exchange(client, "logs")
    bind(client, "logs")
    client.send(1, Queue.Delete(queue="tasks"), Queue.Declare(queue="tasks"))
    client.publish(1, "logs", "", b"body")
    assert waiting(client) == []


# On disk


def answered_when_it_is_on_disk(client: WireClient, method: Method, answer: Method) -> WireClient:
    """Sends a method whose answer has to wait for its commit; gives a client of the broker after a power cut."""
    client.send(1, method)
    assert client.take() == []
    server_of(client).commit_one()
    assert client.methods() == [answer]
    return opened(server_of(client).after_a_power_cut())


def test_a_durable_queue_is_there_after_a_power_cut_when_its_declare_was_answered() -> None:
    client = opened(DurableServer())
    again = answered_when_it_is_on_disk(client, Queue.Declare(queue="new", durable=True), Queue.DeclareOk(queue="new"))
    assert again.call(1, Queue.Declare(queue="new", passive=True)) == Queue.DeclareOk(queue="new")


@pytest.mark.parametrize("how", [{"passive": True}, {"durable": True}])
def test_who_asks_for_a_queue_that_is_not_on_disk_yet_waits_for_it(how: dict[str, bool]) -> None:
    client = opened(DurableServer())
    other = opened(client.server)
    client.send(1, Queue.Declare(queue="new", durable=True, nowait=True))
    other.send(1, Queue.Declare(queue="new", **how))
    assert other.take() == []
    server_of(client).commit_one()
    assert other.methods() == [Queue.DeclareOk(queue="new")]


@pytest.mark.parametrize("how", [{}, {"exclusive": True}, {"durable": True, "exclusive": True}, {"auto_delete": True}])
def test_a_queue_that_goes_with_the_broker_is_answered_at_once_and_not_written(how: dict[str, bool]) -> None:
    client = durable_client()
    publish(client, "1")
    assert client.call(1, Queue.Declare(queue="new", **how)) == Queue.DeclareOk(queue="new")
    server_of(client).commit()
    assert "new" not in server_of(client).after_a_stop().vhost.queues


def test_a_binding_is_there_after_a_power_cut_when_it_was_answered() -> None:
    client = durable_client()
    method = Queue.Bind(queue="tasks", exchange="amq.topic", routing_key="a.#")
    again = answered_when_it_is_on_disk(client, method, Queue.BindOk())
    again.publish(1, "amq.topic", "a.b", b"1")
    assert waiting(again) == [(b"1", False)]


def test_a_binding_is_gone_after_a_power_cut_when_its_end_was_answered() -> None:
    client = durable_client()
    client.send(1, Queue.Bind(queue="tasks", exchange="amq.fanout", nowait=True))
    server_of(client).commit()
    again = answered_when_it_is_on_disk(client, Queue.Unbind(queue="tasks", exchange="amq.fanout"), Queue.UnbindOk())
    again.publish(1, "amq.fanout", "", b"1")
    assert waiting(again) == []


def test_a_binding_of_what_is_not_durable_is_answered_at_once() -> None:
    client = durable_client()
    declare_exchange(client, "logs")
    client.send(1, Queue.Declare(queue="memory", nowait=True))
    publish(client, "1")
    for source, name in (("logs", "tasks"), ("amq.fanout", "memory")):
        assert client.call(1, Queue.Bind(queue=name, exchange=source)) == Queue.BindOk()
        assert client.call(1, Queue.Unbind(queue=name, exchange=source)) == Queue.UnbindOk()


def test_a_queue_is_gone_after_a_power_cut_when_its_delete_was_answered() -> None:
    client = durable_client(3)
    again = answered_when_it_is_on_disk(client, Queue.Delete(queue="tasks"), Queue.DeleteOk(message_count=3))
    assert "tasks" not in again.vhost.queues


def test_a_delete_of_a_durable_queue_is_answered_before_its_consumers_are_told() -> None:
    client = durable_client()
    consume(client, "ctag")
    server_of(client).commit()
    client.take()
    client.send(1, Queue.Delete(queue="tasks"))
    assert client.take() == []
    server_of(client).commit()
    assert client.methods() == [Queue.DeleteOk(), Basic.Cancel(consumer_tag="ctag", nowait=True)]


def test_a_queue_declared_again_after_its_delete_has_nothing_of_the_old_one() -> None:
    client = durable_client(3)
    client.send(1, Queue.Delete(queue="tasks"), Queue.Declare(queue="tasks", durable=True))
    publish(client, "new")
    server_of(client).commit()
    again = opened(server_of(client).after_a_power_cut())
    assert waiting(again) == [(b"new", False)]


def test_a_deleted_queue_takes_with_it_what_a_client_held() -> None:
    client = durable_client(3)
    client.send(1, Basic.Get(queue="tasks"), Queue.Delete(queue="tasks"))
    server_of(client).commit()
    again = server_of(client).after_a_power_cut()
    assert (again.vhost.queues, again.log.queues) == ({}, {})
    again.queue()
    assert waiting(opened(again)) == []


def test_what_was_purged_stays_gone_and_what_a_client_held_does_not() -> None:
    client = durable_client(3)
    client.send(1, Basic.Get(queue="tasks"))
    server_of(client).commit()
    client.take()
    assert client.call(1, Queue.Purge(queue="tasks")) == Queue.PurgeOk(message_count=2)
    server_of(client).commit()
    again = opened(server_of(client).after_a_power_cut())
    assert waiting(again) == [(b"1", True)]


def test_an_auto_delete_queue_that_is_durable_is_gone_from_disk_with_its_last_consumer() -> None:
    client = opened(DurableServer())
    client.send(1, Queue.Declare(queue="tasks", durable=True, auto_delete=True, nowait=True))
    consume(client, "ctag")
    server_of(client).commit()
    client.send(1, Basic.Cancel(consumer_tag="ctag", nowait=True))
    server_of(client).commit()
    assert server_of(client).after_a_power_cut().vhost.queues == {}


# Limits and the default type of a virtual host


@pytest.mark.parametrize(
    ("profile", "words"),
    [("3.13", "queue limit in vhost '/' (1) is reached"), ("4.2", "invalid arg 'x-max-length'")],
)
def test_before_4_the_limit_is_looked_at_before_the_arguments(profile: str, words: str) -> None:
    client = with_queue(profile=profile)
    client.vhost.parameters.set_limit("max-queues", 1)
    wrong = Queue.Declare(queue="other", arguments=from_python({"x-max-length": -1}).value)
    assert words in fault(client, 1, wrong)[1]


def test_a_queue_that_is_there_or_another_s_is_no_question_of_room() -> None:
    client = with_queue()
    client.vhost.parameters.set_limit("max-queues", 0)
    assert client.call(1, Queue.Declare(queue="tasks")) == Queue.DeclareOk(queue="tasks")
    assert fault(client, 1, Queue.Declare(queue="tasks", exclusive=True))[0] == RESOURCE_LOCKED


def test_a_deleted_queue_makes_room() -> None:
    client = with_queue()
    client.vhost.parameters.set_limit("max-queues", 1)
    client.send(1, Queue.Delete(queue="tasks"))
    assert client.call(1, Queue.Declare(queue="other")) == Queue.DeclareOk(queue="other")


def test_a_queue_without_a_type_is_of_the_virtual_host_s() -> None:
    client = opened()
    client.vhost.set_default_queue_type("quorum")
    client.send(1, Queue.Declare(queue="safe", durable=True), Queue.Declare(queue="mine", exclusive=True))
    assert [queue.settings.kind for queue in client.vhost.queues.values()] == ["quorum", "classic"]
    code, text = fault(client, 1, Queue.Declare(durable=True))
    assert (code, text) == (
        PRECONDITION_FAILED,
        "PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue",
    )


def test_the_broker_has_a_type_for_queues_where_the_virtual_host_has_none() -> None:
    client = opened()
    client.server.broker.default_queue_type = "quorum"
    client.send(1, Queue.Declare(queue="safe", durable=True))
    client.vhost.set_default_queue_type("classic")
    client.send(1, Queue.Declare(queue="plain", durable=True))
    assert [queue.settings.kind for queue in client.vhost.queues.values()] == ["quorum", "classic"]


def test_a_queue_that_has_got_its_type_keeps_it_and_is_declared_again_with_or_without() -> None:
    client = opened()
    client.vhost.set_default_queue_type("quorum")
    named = from_python({"x-queue-type": "quorum"}).value
    for arguments in ({}, named, {}):
        ok = client.call(1, Queue.Declare(queue="safe", durable=True, arguments=arguments))
        assert ok == Queue.DeclareOk(queue="safe")
    classic = Queue.Declare(queue="safe", durable=True, arguments=from_python({"x-queue-type": "classic"}).value)
    assert "received 'classic' but current is 'quorum'" in fault(client, 1, classic)[1]
