"""Who the server says it is."""

import pytest

from amqpbroker import __version__
from amqpbroker.profiles import PROFILES
from amqpbroker.server.identity import cluster_name, node_name, server_properties
from amqpbroker.wire.tables import decode_table, encode_table, to_python


def said(profile: str = "4.2") -> dict[str, object]:
    return {
        name: to_python(field) for name, field in server_properties(PROFILES[profile], False, "rabbit@here").items()
    }


@pytest.mark.parametrize(("profile", "version"), [("3.13", "3.13.7"), ("4.2", "4.2.9"), ("4.3", "4.3.5")])
def test_product_and_version_are_rabbitmqs(profile, version):
    assert (said(profile)["product"], said(profile)["version"]) == ("RabbitMQ", version)


def test_the_other_texts_name_this_broker():
    for name in ("information", "platform"):
        assert f"amqpbroker {__version__}" in said()[name]
    assert "amqpbroker" in said()["copyright"]


def test_the_cluster_is_named_as_it_is_told_or_after_the_machine(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "here.example.org")
    assert (cluster_name(), cluster_name("orders")) == ("rabbit@here.example.org", "orders")
    assert said()["cluster_name"] == "rabbit@here"


def test_nine_capabilities_are_announced():
    assert said()["capabilities"] == {
        "authentication_failure_close": True,
        "basic.nack": True,
        "connection.blocked": True,
        "consumer_cancel_notify": True,
        "consumer_priorities": True,
        "direct_reply_to": True,
        "exchange_exchange_bindings": True,
        "per_consumer_qos": True,
        "publisher_confirms": True,
    }


def test_the_table_can_be_sent():
    properties = server_properties(PROFILES["4.2"], True, "everything")
    octets = encode_table(properties)
    assert decode_table(octets, 0, len(octets))[0] == properties


def test_a_node_has_the_short_name_of_its_host(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "here.example.org")
    assert node_name() == "rabbit@here"
    assert (node_name("bunny"), node_name("bunny@there")) == ("bunny@here", "bunny@there")
