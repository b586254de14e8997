"""Which ways to log in are offered, and who a certificate is."""

import pytest

from amqpbroker.server.config import Config
from amqpbroker.server.logins import external_login, logins, mechanisms

PASSWORDS = ("PLAIN", "AMQPLAIN")
ALL = {"auth_mechanisms": (*PASSWORDS, "EXTERNAL", "ANONYMOUS")}
VERIFYING = {"tls_verify": "peer", "tls_ca": "ca.pem"}
# As Python's ssl gives a certificate.
CERTIFICATE = {
    "subject": ((("organizationName", "example"),), (("commonName", "anna"),), (("commonName", "2nd"),)),
    "subjectAltName": (("DNS", "a.example"), ("email", "anna@example"), ("DNS", "b.example"), ("IP Address", "::1")),
}


def test_passwords_are_offered_to_everybody():
    for config in (Config(), Config(**ALL)):
        assert mechanisms(config, over_tls=False) == mechanisms(config, over_tls=True) == PASSWORDS


def test_external_is_offered_where_certificates_are_verified():
    config = Config(**ALL, **VERIFYING)
    assert mechanisms(config, over_tls=True) == (*PASSWORDS, "EXTERNAL")
    assert mechanisms(config, over_tls=False) == PASSWORDS


def test_anonymous_is_offered_where_its_user_is_named():
    config = Config(anonymous_login_user="anna")
    assert mechanisms(config, over_tls=False) == (*PASSWORDS, "ANONYMOUS")
    assert logins(config, None) == {"ANONYMOUS": ("anna", "")}
    assert logins(Config(), None) == {}


def test_only_what_is_configured_is_offered_in_that_order():
    assert mechanisms(Config(**VERIFYING), over_tls=True) == PASSWORDS
    config = Config(auth_mechanisms=("EXTERNAL", "PLAIN"), **VERIFYING)
    assert mechanisms(config, over_tls=True) == ("EXTERNAL", "PLAIN")


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "CN=2nd,CN=anna,O=example"),
        ({"ssl_cert_login_from": "common_name"}, "anna,2nd"),
        ({"ssl_cert_login_from": "subject_alternative_name"}, "a.example"),
        ({"ssl_cert_login_from": "subject_alternative_name", "ssl_cert_login_san_index": 1}, "b.example"),
        ({"ssl_cert_login_from": "subject_alternative_name", "ssl_cert_login_san_type": "email"}, "anna@example"),
        ({"ssl_cert_login_from": "subject_alternative_name", "ssl_cert_login_san_type": "ip"}, "::1"),
    ],
)
def test_the_user_is_the_part_that_is_configured(settings, name):
    assert external_login(CERTIFICATE, Config(**settings)) == (name, "")


@pytest.mark.parametrize(
    "settings",
    [
        {"ssl_cert_login_from": "subject_alternative_name", "ssl_cert_login_san_type": "uri"},
        {"ssl_cert_login_from": "subject_alternative_name", "ssl_cert_login_san_index": 2},
    ],
)
def test_a_certificate_without_that_part_is_nobodys(settings):
    assert external_login(CERTIFICATE, Config(**settings)) == ("", "no name found")
    assert external_login({"subject": ()}, Config(ssl_cert_login_from="common_name")) == ("", "no name found")


@pytest.mark.parametrize("certificate", [None, {}])
def test_a_client_without_a_certificate_is_nobody(certificate):
    assert external_login(certificate, Config()) == ("", "connection peer presented no TLS (x.509) certificate")
