"""What the settings of TLS, of ways to log in and of proxies accept."""

from ipaddress import ip_network

import pytest

from amqpbroker.server.config import load
from amqpbroker.server.config.tls_kinds import NamedCertificate
from tests.helpers.configuration import refusal, written


def test_a_named_certificate_is_a_name_and_one_or_two_paths():
    config = load({"tls_sni": ["A.example=a.pem,a.key", "b.example=b.pem"]}, {})
    assert config.tls_sni == (
        NamedCertificate("a.example", "a.pem", "a.key"),
        NamedCertificate("b.example", "b.pem", None),
    )


def test_only_the_file_can_hold_a_path_with_a_comma(tmp_path):
    config = load(written(tmp_path, 'tls_sni: [{name: a, cert: "a, b.pem", key: k}]'), {})
    assert config.tls_sni == (NamedCertificate("a", "a, b.pem", "k"),)


@pytest.mark.parametrize("text", ["a", "a=", "=a.pem", "a=a.pem,", "a=b,c,d", "a=1 a=2"])
def test_a_named_certificate_that_is_none_is_refused(text):
    assert "is not a list of server names with their certificates" in refusal({}, {"AMQPBROKER_TLS_SNI": text})


def test_networks_are_given_by_prefix_and_an_address_is_one_too():
    config = load({"proxy_protocol_from": ["10.1.0.0/16", "::1"]}, {})
    assert config.proxy_protocol_from == (ip_network("10.1.0.0/16"), ip_network("::1/128"))


@pytest.mark.parametrize("text", ["10.1.0.0/33", "10.1.0.1/16", "proxy.example", "5"])
def test_what_is_no_network_is_refused(text):
    assert "is not a list of networks" in refusal({"proxy_protocol_from": [text]})


def test_mechanisms_and_versions_keep_their_order_and_no_case():
    config = load({"auth_mechanisms": ["external", "PLAIN", "Plain"], "tls_versions": ["TLSv1.3"]}, {})
    assert (config.auth_mechanisms, config.tls_versions) == (("EXTERNAL", "PLAIN"), ("tlsv1.3",))


@pytest.mark.parametrize(
    ("name", "value"), [("auth_mechanisms", "CRAM-MD5"), ("auth_mechanisms", "none"), ("tls_versions", "tlsv1.1")]
)
def test_what_is_none_of_the_words_is_refused(name, value):
    assert "is not a list of some of" in refusal({name: [value]})


def test_a_passwords_text_is_not_repeated(tmp_path):
    assert "the value is not a text" in refusal(written(tmp_path, "tls_key_password: {s3cret: 1}"))
