"""Who the server says it is."""

import pytest

from amqpbroker import __version__
from amqpbroker.profiles import PROFILES
from amqpbroker.server.identity import node_name, server_properties
from amqpbroker.wire.tables import decode_table, encode_table, to_python


def said(profile: str = "4.2") -> dict[str, object]:
    return {name: to_python(field) for name, field in server_properties(PROFILES[profile]).items()}


@pytest.mark.parametrize(("profile", "version"), [("3.13", "3.13.7"), ("4.2", "4.2.9"), ("4.3", "4.3.5")])
def test_product_and_version_are_rabbitmqs(profile, version):
    assert (said(profile)["product"], said(profile)["version"]) == ("RabbitMQ", version)


def test_the_other_texts_name_this_broker():
    for name in ("information", "platform"):
        assert f"amqpbroker {__version__}" in said()[name]
    assert "amqpbroker" in said()["copyright"]


def test_the_node_is_named_as_rabbitmq_names_it():
    assert said()["cluster_name"].startswith("rabbit@")


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
    octets = encode_table(server_properties(PROFILES["4.2"]))
    assert decode_table(octets, 0, len(octets))[0] == server_properties(PROFILES["4.2"])


def test_a_node_has_the_short_name_of_its_host(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "here.example.org")
    assert node_name() == "rabbit@here"
