"""What is exported, in RabbitMQ's shape, and what is not."""

from amqpbroker.management.definitions.export import export_definitions, export_vhost_definitions
from amqpbroker.wire.methods import Exchange, Queue
from amqpbroker.wire.tables import Field, from_python
from tests.helpers.definitions import Json, empty_server, recorded
from tests.helpers.durable import DurableServer
from tests.helpers.sessions import opened
from tests.helpers.wire_client import MemoryServer


def shape(document: Json) -> dict[str, set[str]]:
    """The keys of what is in each list, and of the document itself."""
    shapes = {kind: set().union(*found) for kind, found in document.items() if isinstance(found, list) and found}
    return {"": set(document)} | shapes


def full_server() -> DurableServer:
    from amqpbroker.management.definitions.importing import import_definitions

    server = empty_server()
    import_definitions(server.broker, recorded("rabbitmq_3_10_8"))
    server.broker.global_parameters.set("cluster_tags", {"a": "b"})
    return server


def test_every_key_that_a_rabbitmq_writes_is_there():
    broker = full_server().broker
    ours, theirs = shape(export_definitions(broker)), shape(recorded("rabbitmq_3_10_8"))
    assert {kind: keys - ours[kind] for kind, keys in theirs.items() if keys - ours[kind]} == {}


def test_every_key_of_one_virtual_host_is_there_but_its_name():
    broker = full_server().broker
    ours, theirs = shape(export_vhost_definitions(broker, "/")), shape(recorded("rabbitmq_3_10_8_vhost"))
    missing = {kind: keys - ours[kind] for kind, keys in theirs.items() if keys - ours[kind]}
    # Since 3.13 no entry says which virtual host it was.
    assert missing == {"parameters": {"vhost"}, "policies": {"vhost"}}


def test_it_says_which_version_and_which_broker_it_comes_from():
    server = empty_server("4.2")
    exported = export_definitions(server.broker)
    assert (exported["rabbit_version"], exported["rabbitmq_version"]) == ("4.2.9", "4.2.9")
    assert (exported["product_name"], exported["rabbitmq_definition_format"]) == ("RabbitMQ", "cluster")
    assert exported["explanation"] == "Definitions of cluster 'rabbit@localhost'"
    one = export_vhost_definitions(server.broker, "/")
    assert (one["rabbitmq_definition_format"], one["original_vhost_name"]) == ("single_virtual_host", "/")
    assert one["explanation"] == "Definitions of virtual host '/'"


def test_what_is_said_of_a_virtual_host_stands_where_every_version_looks_for_it():
    broker = empty_server().broker
    broker.create_vhost("a", description="mine", tags=["x"], default_queue_type="quorum")
    said = {"description": "mine", "tags": ["x"], "default_queue_type": "quorum"}
    (vhost,) = [one for one in export_definitions(broker)["vhosts"] if one["name"] == "a"]
    assert vhost == {"name": "a", **said, "limits": {}, "metadata": said}
    assert export_vhost_definitions(broker, "a")["metadata"] == said


def test_what_ends_with_its_connection_is_left_out_with_its_bindings():
    server = MemoryServer()
    client = opened(server)
    client.call(1, Queue.Declare(queue="mine", exclusive=True))
    client.call(1, Queue.Declare(queue="everybody's", durable=True))
    for queue in ("mine", "everybody's"):
        client.call(1, Queue.Bind(queue=queue, exchange="amq.direct", routing_key="k"))
    exported = export_definitions(server.broker)
    assert [queue["name"] for queue in exported["queues"]] == ["everybody's"]
    assert [binding["destination"] for binding in exported["bindings"]] == ["everybody's"]


def test_what_a_broker_makes_by_itself_is_left_out():
    exported = export_definitions(empty_server().broker)
    assert exported["exchanges"] == exported["bindings"] == exported["queues"] == exported["policies"] == []


def test_an_internal_exchange_is_there_for_what_is_bound_to_it():
    server = MemoryServer()
    opened(server).call(1, Exchange.Declare(exchange="inner", exchange_type="fanout", internal=True))
    assert export_definitions(server.broker)["exchanges"] == [
        {
            "vhost": "/", "name": "inner", "type": "fanout", "durable": False, "auto_delete": False, "internal": True,
            "arguments": {},
        }
    ]  # fmt: skip


def test_arguments_are_as_json_has_them():
    server = MemoryServer()
    client = opened(server)
    arguments = from_python({"x-max-length": 5, "list": [1, "a"], "table": {"b": True}}).value | {"t": Field("T", 7)}
    client.call(1, Queue.Declare(queue="q", durable=True, arguments=arguments))
    (queue,) = export_definitions(server.broker)["queues"]
    assert queue["arguments"] == {
        "x-max-length": 5, "list": [1, "a"], "table": {"b": True}, "t": 7, "x-queue-type": "classic"
    }  # fmt: skip
