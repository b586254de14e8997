"""exchange.*: declare, delete, bind, unbind."""

import pytest

from amqpbroker.errors import ACCESS_REFUSED, COMMAND_INVALID, NOT_FOUND, PRECONDITION_FAILED
from amqpbroker.wire.methods import Exchange, Method, Queue
from tests.helpers.durable import DurableServer, durable_client, publish, server_of
from tests.helpers.sessions import bind, declare_exchange, fault, opened, waiting, with_queue
from tests.helpers.wire_client import WireClient


def test_an_exchange_is_declared_again_and_looked_up() -> None:
    client = opened()
    for method in (
        Exchange.Declare(exchange="logs", exchange_type="topic"),
        Exchange.Declare(exchange="logs", exchange_type="topic"),
        Exchange.Declare(exchange="logs", passive=True),
        Exchange.Declare(exchange="amq.topic", exchange_type="topic", durable=True),
    ):
        assert client.call(1, method) == Exchange.DeclareOk()


def test_methods_without_an_answer_do_what_they_say() -> None:
    client = opened()
    for method in (
        Exchange.Declare(exchange="logs", exchange_type="fanout", nowait=True),
        Exchange.Bind(destination="logs", source="amq.fanout", nowait=True),
        Exchange.Unbind(destination="logs", source="amq.fanout", nowait=True),
        Exchange.Delete(exchange="logs", nowait=True),
    ):
        client.send(1, method)
    assert client.take() == []
    assert "logs" not in client.vhost.exchanges


@pytest.mark.parametrize(
    ("method", "argument", "received", "current"),
    [
        (Exchange.Declare(exchange="logs", exchange_type="topic"), "type", "topic", "fanout"),
        (Exchange.Declare(exchange="logs", exchange_type="fanout", durable=True), "durable", "true", "false"),
        (Exchange.Declare(exchange="logs", exchange_type="fanout", auto_delete=True), "auto_delete", "true", "false"),
        (Exchange.Declare(exchange="logs", exchange_type="fanout", internal=True), "internal", "true", "false"),
    ],
)
def test_an_exchange_is_not_declared_as_another_kind(
    method: Method, argument: str, received: str, current: str
) -> None:
    client = opened()
    declare_exchange(client, "logs")
    text = f"inequivalent arg '{argument}' for exchange 'logs' in vhost '/': "
    text += f"received '{received}' but current is '{current}'"
    assert fault(client, 1, method) == (PRECONDITION_FAILED, f"PRECONDITION_FAILED - {text}")


DEFAULT = "ACCESS_REFUSED - operation not permitted on the default exchange"


@pytest.mark.parametrize(
    ("method", "code", "text"),
    [
        (Exchange.Declare(exchange_type="direct"), ACCESS_REFUSED, DEFAULT),
        (Exchange.Declare(passive=True), ACCESS_REFUSED, DEFAULT),
        (Exchange.Delete(), ACCESS_REFUSED, DEFAULT),
        (Exchange.Bind(destination="amq.fanout"), ACCESS_REFUSED, DEFAULT),
        (Exchange.Unbind(source="amq.fanout"), ACCESS_REFUSED, DEFAULT),
        (
            Exchange.Declare(exchange="amq.mine", exchange_type="direct"),
            ACCESS_REFUSED,
            "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
        (
            Exchange.Delete(exchange="amq.topic"),
            ACCESS_REFUSED,
            "ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '/' not allowed",
        ),
        (Exchange.Declare(exchange="logs", passive=True), NOT_FOUND, "NOT_FOUND - no exchange 'logs' in vhost '/'"),
        (
            Exchange.Bind(destination="logs", source="amq.fanout"),
            NOT_FOUND,
            "NOT_FOUND - no exchange 'logs' in vhost '/'",
        ),
        (
            Exchange.Bind(destination="amq.fanout", source="logs"),
            NOT_FOUND,
            "NOT_FOUND - no exchange 'logs' in vhost '/'",
        ),
    ],
)
def test_what_is_not_allowed_or_not_there_is_refused(method: Method, code: int, text: str) -> None:
    assert fault(opened(), 1, method) == (code, text)


@pytest.mark.parametrize(("profile", "code"), [("3.13", COMMAND_INVALID), ("4.2", PRECONDITION_FAILED)])
def test_an_unknown_type_is_refused(profile: str, code: int) -> None:
    client = opened(profile=profile)
    assert fault(client, 1, Exchange.Declare(exchange="logs", exchange_type="x-nothing"))[0] == code


def test_an_exchange_in_use_stays_if_asked_for() -> None:
    client = with_queue()
    declare_exchange(client, "logs")
    bind(client, "logs")
    refused = fault(client, 1, Exchange.Delete(exchange="logs", if_unused=True))
    assert refused == (PRECONDITION_FAILED, "PRECONDITION_FAILED - exchange 'logs' in vhost '/' in use")


def test_deleting_or_unbinding_what_is_not_there_is_no_error() -> None:
    client = opened()
    assert client.call(1, Exchange.Delete(exchange="logs")) == Exchange.DeleteOk()
    assert client.call(1, Exchange.Unbind(destination="logs", source="amq.fanout")) == Exchange.UnbindOk()


def test_messages_pass_from_exchange_to_exchange_and_once_however_they_are_bound() -> None:
    client = with_queue()
    for name in ("first", "second"):
        declare_exchange(client, name)
    for source, destination in (("first", "second"), ("second", "first")):
        assert client.call(1, Exchange.Bind(destination=destination, source=source)) == Exchange.BindOk()
    bind(client, "first")
    bind(client, "second")
    client.publish(1, "first", "", b"body")
    assert waiting(client) == [(b"body", False)]
    client.send(1, Exchange.Unbind(destination="second", source="first"), Exchange.Delete(exchange="second"))
    client.publish(1, "first", "", b"body")
    assert len(waiting(client)) == 2


# On disk

LOGS = Exchange.Declare(exchange="logs", exchange_type="fanout", durable=True)
TO_LOGS = {"destination": "logs", "source": "amq.fanout"}


def on_disk(*methods: Method) -> WireClient:
    """A client that has sent these, all of it on disk."""
    client = opened(DurableServer())
    client.send(1, *methods)
    server_of(client).commit()
    client.take()
    return client


@pytest.mark.parametrize(
    ("before", "method", "answer"),
    [
        ([], LOGS, Exchange.DeclareOk()),
        ([LOGS], Exchange.Bind(**TO_LOGS), Exchange.BindOk()),
        ([LOGS, Exchange.Bind(**TO_LOGS)], Exchange.Unbind(**TO_LOGS), Exchange.UnbindOk()),
        ([LOGS], Exchange.Delete(exchange="logs"), Exchange.DeleteOk()),
    ],
)
def test_what_is_done_to_a_durable_exchange_is_answered_when_it_is_on_disk(
    before: list[Method], method: Method, answer: Method
) -> None:
    client = on_disk(*before)
    client.send(1, method)
    assert client.take() == []
    server_of(client).commit_one()
    assert client.methods() == [answer]
    again = server_of(client).after_a_power_cut().vhost
    assert ("logs" in again.exchanges) == ("logs" in client.vhost.exchanges)
    for name in again.exchanges:
        assert set(again.exchanges[name].bindings) == set(client.vhost.exchanges[name].bindings)


def test_what_is_done_to_other_exchanges_is_answered_at_once() -> None:
    client = durable_client()
    publish(client, "1")
    for method, answer in (
        (Exchange.Declare(exchange="logs", exchange_type="fanout"), Exchange.DeclareOk()),
        (Exchange.Bind(**TO_LOGS), Exchange.BindOk()),
        (Exchange.Unbind(**TO_LOGS), Exchange.UnbindOk()),
        (Exchange.Delete(exchange="logs"), Exchange.DeleteOk()),
        (Exchange.Delete(exchange="missing"), Exchange.DeleteOk()),
    ):
        assert client.call(1, method) == answer


def test_the_predeclared_exchanges_are_durable_and_not_written() -> None:
    client = on_disk(Exchange.Declare(exchange="amq.topic", exchange_type="topic", durable=True))
    assert server_of(client).log.contents == {}


def test_a_deleted_exchange_takes_its_bindings_from_the_disk() -> None:
    client = durable_client()
    client.send(1, LOGS, Queue.Bind(queue="tasks", exchange="logs"), Exchange.Bind(**TO_LOGS))
    client.send(1, Exchange.Delete(exchange="logs"))
    server_of(client).commit()
    assert [kind for kind, _, _ in server_of(client).log.contents] == ["queue"]
    assert server_of(client).after_a_power_cut().left == []
