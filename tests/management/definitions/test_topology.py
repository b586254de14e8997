"""Exchanges, queues and bindings out of a document."""

from typing import Any

import pytest

from amqpbroker.management.definitions.document import DefinitionsError
from amqpbroker.management.definitions.importing import import_definitions
from amqpbroker.model.binding import Destination
from amqpbroker.profiles import PROFILES
from amqpbroker.wire.methods import Queue
from amqpbroker.wire.tables import Field, from_python
from tests.helpers.definitions import empty_server
from tests.helpers.durable import DurableServer
from tests.helpers.sessions import opened
from tests.helpers.wire_client import MemoryServer

EXCHANGE = {"vhost": "/", "name": "x", "type": "direct", "durable": True, "auto_delete": False, "arguments": {}}
QUEUE = {"vhost": "/", "name": "q", "durable": True, "auto_delete": False, "arguments": {}}
BINDING = {"vhost": "/", "source": "x", "destination": "q", "destination_type": "queue", "routing_key": "k"}


@pytest.fixture
def server() -> DurableServer:
    return empty_server()


def fault(server: DurableServer, **document: list[dict[str, Any]]) -> str:
    with pytest.raises(DefinitionsError) as raised:
        import_definitions(server.broker, document)
    return raised.value.reason


def test_what_is_declared_survives_a_restart_and_what_is_transient_does_not(server: DurableServer):
    queues = [QUEUE, QUEUE | {"name": "t", "durable": False}]
    import_definitions(server.broker, {"exchanges": [EXCHANGE], "queues": queues, "bindings": [BINDING]})
    assert set(server.vhost.queues) == {"q", "t"}
    server.commit()
    again = server.after_a_kill()
    assert set(again.vhost.queues) == {"q"}
    assert [binding.routing_key for binding in again.vhost.bindings_to(Destination("queue", "q"))] == ["k"]


def test_a_client_finds_the_queue_as_it_would_have_declared_it():
    server = MemoryServer(PROFILES["4.2"])
    arguments = {"x-max-length": 5, "x-queue-type": "quorum"}
    import_definitions(server.broker, {"queues": [QUEUE | {"arguments": arguments}]})
    declare = Queue.Declare(queue="q", durable=True, arguments=from_python(arguments).value)
    assert opened(server).call(1, declare) == Queue.DeclareOk(queue="q")


def test_a_queue_without_a_type_is_of_its_virtual_host_s(server: DurableServer):
    vhosts = [{"name": "b", "default_queue_type": "quorum"}]
    import_definitions(server.broker, {"vhosts": vhosts, "queues": [QUEUE | {"vhost": "b"}]})
    assert server.broker.vhosts["b"].queues["q"].settings.kind == "quorum"


def test_what_is_there_stays_as_it_is(server: DurableServer):
    import_definitions(server.broker, {"exchanges": [EXCHANGE], "queues": [QUEUE], "bindings": [BINDING]})
    server.commit()
    other = {"durable": False, "type": "fanout", "arguments": {"x-max-length": -1}}
    import_definitions(
        server.broker, {"exchanges": [EXCHANGE | other], "queues": [QUEUE | other], "bindings": [BINDING]}
    )
    assert not server.log.is_recording
    assert server.vhost.exchanges["x"].type == "direct"


def test_a_binding_has_arguments_and_leads_to_an_exchange_too(server: DurableServer):
    bindings = [
        BINDING | {"destination": "amq.topic", "destination_type": "exchange", "arguments": {"a": 1}},
        BINDING | {"source": "amq.fanout"},
    ]
    import_definitions(server.broker, {"exchanges": [EXCHANGE], "queues": [QUEUE], "bindings": bindings})
    (binding,) = server.vhost.bindings_to(Destination("exchange", "amq.topic"))
    assert binding.arguments == {"a": Field("l", 1)}
    assert len(server.vhost.bindings_to(Destination("queue", "q"))) == 1


def test_names_of_the_server_s_own_are_left_out_with_what_is_bound_to_them(server: DurableServer):
    import_definitions(
        server.broker,
        {
            "exchanges": [EXCHANGE | {"name": "amq.own"}, EXCHANGE | {"name": ""}],
            "queues": [QUEUE, QUEUE | {"name": "amq.gen-5"}],
            "bindings": [
                BINDING | {"source": "amq.own"},
                BINDING | {"source": "amq.direct", "destination": "amq.gen-5"},
                BINDING | {"source": "amq.direct", "destination": "amq.own", "destination_type": "exchange"},
            ],
        },
    )
    assert set(server.vhost.queues) == {"q"}
    assert "amq.own" not in server.vhost.exchanges
    assert len(server.vhost.exchanges["amq.direct"].bindings) == 0


@pytest.mark.parametrize(
    ("queue", "text"),
    [
        ({"name": ""}, "queues[0].name: is empty"),
        ({"durable": 1}, "queues[0].durable: 1 is neither true nor false"),
        ({"vhost": None}, "queues[0].vhost: Virtual host does not exist and is not specified in definitions file."),
        ({"arguments": {"x-max-length": -5}}, "queues[0]: invalid arg 'x-max-length' for queue 'q' in vhost '/'"),
        ({"arguments": {"x-queue-type": "quorum"}, "durable": False}, "queues[0]: invalid property 'non-durable'"),
    ],
)
def test_a_wrong_queue_is_refused(server: DurableServer, queue: dict[str, Any], text: str):
    assert fault(server, queues=[QUEUE | queue]).startswith(text)


@pytest.mark.parametrize(
    ("exchange", "text"),
    [
        ({"type": "bogus"}, "exchanges[0]: unknown exchange type 'bogus'"),
        ({"type": None}, "exchanges[0].type: null is not a text"),
        ({"type": "x-delayed-message"}, "exchanges[0]: Invalid argument, 'x-delayed-type'"),
        ({"arguments": {"alternate-exchange": 5}}, "exchanges[0]: invalid type 'long' for arg 'alternate-exchange'"),
    ],
)
def test_a_wrong_exchange_is_refused(server: DurableServer, exchange: dict[str, Any], text: str):
    assert fault(server, exchanges=[EXCHANGE | exchange]).startswith(text)


@pytest.mark.parametrize(
    ("binding", "text"),
    [
        ({"source": "y"}, "bindings[0].source: no exchange 'y' in vhost '/'"),
        ({"source": ""}, "bindings[0].source: operation not permitted on the default exchange"),
        ({"destination": "y"}, "bindings[0].destination: no queue 'y' in vhost '/'"),
        ({"destination": "q", "destination_type": "exchange"}, "bindings[0].destination: no exchange 'q' in vhost '/'"),
        ({"destination_type": "stream"}, "bindings[0].destination_type: is neither queue nor exchange"),
        ({"routing_key": None}, "bindings[0].routing_key: null is not a text"),
        ({"source": "amq.headers", "arguments": {"x-match": "some"}}, "bindings[0]: Invalid x-match field value"),
    ],
)
def test_a_wrong_binding_is_refused(server: DurableServer, binding: dict[str, Any], text: str):
    assert fault(server, exchanges=[EXCHANGE], queues=[QUEUE], bindings=[BINDING | binding]).startswith(text)


def test_a_binding_to_a_queue_that_comes_along_is_checked_by_what_that_will_be():
    server = empty_server("4.2")
    exchange = EXCHANGE | {"type": "x-local-random"}
    queue = QUEUE | {"arguments": {"x-queue-type": "quorum"}}
    reason = fault(server, exchanges=[exchange], queues=[queue], bindings=[BINDING | {"routing_key": ""}])
    assert reason == "bindings[0]: Queue type rabbit_quorum_queue not valid for this exchange type"


def test_no_more_queues_than_there_may_be(server: DurableServer):
    limit = {"vhost": "/", "component": "vhost-limits", "name": "limits", "value": {"max-queues": 1}}
    queues = [QUEUE, QUEUE | {"name": "r"}]
    text = 'Adding 2 queue(s) to virtual host "/" would exceed the limit of 1 queue(s).'
    assert text in fault(server, parameters=[limit], queues=queues)
    import_definitions(server.broker, {"queues": queues})
    import_definitions(server.broker, {"parameters": [limit], "queues": queues})
    assert "This virtual host currently has 2 queue(s) defined." in fault(server, queues=[QUEUE | {"name": "s"}])
