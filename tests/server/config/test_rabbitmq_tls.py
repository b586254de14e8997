"""What the keys of TLS, of HTTP, of proxies and of ways to log in mean here."""

from pathlib import Path
from typing import Any

import pytest

from amqpbroker.server.config import Config, load
from tests.helpers.configuration import conf, refusal

TLS = """
listeners.ssl.default = 5671
ssl_options.cacertfile = /etc/ca.pem
ssl_options.certfile = /etc/cert.pem
ssl_options.keyfile = /etc/key.pem
ssl_options.password = s3cret
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.1
ssl_options.ciphers.1 = ECDHE-RSA-AES256-GCM-SHA384
ssl_options.depth = 2
"""


def loaded(tmp_path: Path, text: str) -> tuple[Config, str]:
    """The settings, and the names in the warning."""
    warnings: list[str] = []
    config = load(conf(tmp_path, text), {}, warnings.append)
    return config, ", ".join(warnings).replace(f"{tmp_path}/rabbitmq.conf, ", "")


def test_tls_is_as_it_is_there_but_for_versions_that_are_no_longer_safe(tmp_path: Path):
    config, told = loaded(tmp_path, TLS)
    assert (config.tls_port, config.tls_cert, config.tls_key) == (5671, "/etc/cert.pem", "/etc/key.pem")
    assert (config.tls_key_password, config.tls_ca) == ("s3cret", "/etc/ca.pem")
    assert (config.tls_verify, config.tls_fail_if_no_peer_cert) == ("peer", True)
    assert (config.tls_versions, config.tls_ciphers) == (("tlsv1.3",), ("ECDHE-RSA-AES256-GCM-SHA384",))
    assert told.endswith("mean nothing here: ssl_options.versions.2 (line 10), ssl_options.depth (line 12)")


def test_without_a_certificate_tls_does_not_start(tmp_path: Path):
    assert "TLS needs a certificate" in refusal(conf(tmp_path, "listeners.ssl.default = 5671"))
    assert "'never' is not one of none, peer" in refusal(conf(tmp_path, "ssl_options.verify = never"))


@pytest.mark.parametrize(
    ("text", "port", "addresses", "tls"),
    [
        ("management.tcp.port = 1\nmanagement.tcp.ip = 10.0.0.1", 1, ("10.0.0.1",), False),
        ("management.listener.port = 1", 1, (), False),
        ("management.listener.port = 1\nmanagement.listener.ssl = true\nssl_options.certfile = a", 1, (), True),
        ("management.ssl.port = 2\nmanagement.ssl.certfile = a", 2, (), True),
    ],
)
def test_the_management_listens_as_it_does_there(
    tmp_path: Path, text: str, port: int, addresses: tuple[str, ...], tls: bool
):
    config, told = loaded(tmp_path, text)
    assert (config.http_port, config.http_addresses, config.http_tls) == (port, addresses, tls)
    assert told == ""


def test_a_second_port_and_a_second_certificate_of_the_management_are_not_there(tmp_path: Path):
    config, told = loaded(
        tmp_path,
        "ssl_options.certfile = a\nmanagement.ssl.certfile = b\nmanagement.ssl.port = 2\nmanagement.tcp.port = 1\n",
    )
    assert (config.tls_cert, config.http_port, config.http_tls) == ("a", 2, True)
    assert told.endswith("management.ssl.certfile (line 2), management.tcp.port (line 4)")
    assert loaded(tmp_path, "ssl_options.certfile = a\nmanagement.ssl.certfile = a")[1] == ""


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = AMQPLAIN", "auth_mechanisms", ("PLAIN", "AMQPLAIN")),
        ("anonymous_login_user = guest", "anonymous_login_user", "guest"),
        ("anonymous_login_user = none", "anonymous_login_user", ""),
        ("ssl_cert_login_from = common_name", "ssl_cert_login_from", "common_name"),
        ("ssl_cert_login_from = subject_alt_name", "ssl_cert_login_from", "subject_alternative_name"),
        ("ssl_cert_login_san_type = email", "ssl_cert_login_san_type", "email"),
        ("ssl_cert_login_san_index = 1", "ssl_cert_login_san_index", 1),
        ("proxy_protocol = true", "proxy_protocol", True),
    ],
)
def test_ways_to_log_in_are_as_they_are_there(tmp_path: Path, text: str, name: str, value: Any):
    config, told = loaded(tmp_path, text)
    assert getattr(config, name) == value
    assert told == ""


def test_a_way_to_log_in_that_is_not_there_is_told(tmp_path: Path):
    config, told = loaded(tmp_path, "auth_mechanisms.1 = PLAIN\nauth_mechanisms.2 = RABBIT-CR-DEMO")
    assert config.auth_mechanisms == ("PLAIN",)
    assert told.endswith("mean nothing here: auth_mechanisms.2 (line 2)")
