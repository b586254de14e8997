"""Settings that must not be together: each would be a broker that does not do, or is less safe than, what it says."""

import pytest

from amqpbroker.server.config import load
from tests.helpers.configuration import refusal


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        ({"tls_port": "5671"}, "tls_port: TLS needs a certificate; set tls_cert and tls_key"),
        ({"http_tls": "true"}, "http_tls: TLS needs a certificate; set tls_cert and tls_key"),
        (
            {"tls_port": "0", "tls_cert": "c", "hosts": ["none"], "unix_socket": "/run/amqp"},
            "tls_port: there is no address to listen on",
        ),
        ({"tls_verify": "peer"}, "tls_verify: peer needs the authorities that are trusted; set tls_ca"),
        ({"tls_fail_if_no_peer_cert": "true"}, "tls_fail_if_no_peer_cert: clients are not asked for a certificate"),
        ({"test_api": "true", "http_port": "-1"}, "test_api: it is asked for over HTTP; set http_port"),
        ({"proxy_protocol": "true", "proxy_protocol_from": ["none"]}, "proxy_protocol: no proxy is believed"),
    ],
)
def test_a_contradiction_is_refused_in_words(arguments, start):
    assert refusal(arguments).startswith(start)


def test_tls_alone_is_listened_on_where_the_plain_port_is_off():
    config = load({"port": "-1", "tls_port": "5671", "tls_cert": "c"}, {})
    assert (config.port, config.tls_port) == (-1, 5671)


def test_a_broker_that_listens_nowhere_is_refused():
    assert refusal({"hosts": ["none"]}).startswith("hosts: there is nothing to listen on")
    assert refusal({"port": "-1"}).startswith("hosts: there is nothing to listen on")
    assert load({"hosts": ["none"], "unix_socket": "/run/amqp"}, {}).hosts == ()


def test_a_frame_smaller_than_the_profile_allows_is_refused():
    assert refusal({"frame_max_bytes": "4096"}).startswith("frame_max_bytes: 4096 is less than 8192")
    assert load({"frame_max_bytes": "4096", "profile": "3.13"}, {}).frame_max_bytes == 4096
