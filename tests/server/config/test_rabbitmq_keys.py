"""Which keys a rabbitmq.conf may have."""

import pytest

from amqpbroker.server.config.rabbitmq_keys import is_known, matches, nearest_key


@pytest.mark.parametrize(
    "key",
    [
        "listeners.tcp.default", "channel_max", "max_channels_per_connection", "tcp_listen_options.backlog",
        "ssl_options.cacertfile", "ssl_options.versions.1", "cluster_formation.classic_config.nodes.1",
        "management.ssl.certfile", "prometheus.tcp.ip", "stream.listeners.tcp.1", "mqtt.tcp_listen_options.nodelay",
        "auth_ldap.ssl_options.verify", "log.file.rotation.size", "quorum_queue.initial_cluster_size",
    ],
)  # fmt: skip
def test_a_key_of_any_version_and_plugin_is_known(key):
    assert is_known(tuple(key.split(".")))


@pytest.mark.parametrize("key", ["listeners", "listeners.tcp.a.b", "listener.tcp.default", "port", "hosts"])
def test_a_key_of_none_is_not(key):
    assert not is_known(tuple(key.split(".")))


def test_a_part_of_a_pattern_may_be_any_name():
    assert matches(("a", "x"), ("a", "$name"))
    assert not matches(("a",), ("a", "$name"))
    assert not matches(("b", "x"), ("a", "$name"))


def test_the_nearest_key_is_named():
    assert nearest_key("heartbeats") == "did you mean heartbeat?"
    assert nearest_key("disk_free_limit.absolut") == "did you mean disk_free_limit.absolute?"
    assert nearest_key("ü") == "RabbitMQ's documentation has the keys there are"
