"""What is told of TLS, in RabbitMQ's words; names and suites as recorded from RabbitMQ 3.10.8."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.server.tls_peer import distinguished_name, parts_of_suite


@pytest.mark.parametrize(
    ("suite", "key_exchange", "cipher", "hash_"),
    [
        ("TLS_AES_256_GCM_SHA384", "any", "aes_256_gcm", "aead"),
        ("TLS_CHACHA20_POLY1305_SHA256", "any", "chacha20_poly1305", "aead"),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", "ecdhe_ecdsa", "aes_256_gcm", "aead"),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", "ecdhe_ecdsa", "chacha20_poly1305", "aead"),
        ("ECDHE-ECDSA-AES256-SHA384", "ecdhe_ecdsa", "aes_256_cbc", "sha384"),
        ("ECDHE-ECDSA-AES128-SHA256", "ecdhe_ecdsa", "aes_128_cbc", "sha256"),
        ("ECDHE-ECDSA-AES128-SHA", "ecdhe_ecdsa", "aes_128_cbc", "sha"),
        ("DHE-RSA-AES128-GCM-SHA256", "dhe_rsa", "aes_128_gcm", "aead"),
        ("AES256-GCM-SHA384", "rsa", "aes_256_gcm", "aead"),
        ("ECDHE-ARIA256-GCM-SHA384", "", "ecdhe-aria256-gcm-sha384", ""),
    ],
)
def test_a_suite_is_told_in_its_parts(suite, key_exchange, cipher, hash_):
    assert parts_of_suite(suite) == (key_exchange, cipher, hash_)


def test_every_suite_that_python_uses_by_itself_has_its_parts():
    for suite in ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).get_ciphers():
        assert all(parts_of_suite(suite["name"])), suite["name"]


SUBJECT = (
    (("commonName", "multi"), ("organizationalUnitName", "x")),
    (("countryName", "DE"),),
    (("localityName", ' lead, "q"+;<>\\ '),),
    (("organizationName", "#Ünïcode~"),),
    (("organizationalUnitName", "a=b"),),
    (("surname", "sur"),),
    (("domainComponent", "dc"),),
    (("emailAddress", "a@b"),),
    (("streetAddress", "street 1"),),
    (("userId", "uid"),),
    (("postalCode", "123"),),
    (("jurisdictionCountryName", "FR"),),
    (("1.2.3.4.5", "own"),),
)


def test_a_name_is_written_as_rabbitmq_writes_it():
    assert distinguished_name(SUBJECT) == (
        "1.2.3.4.5=own,1.3.6.1.4.1.311.60.2.1.3=FR,2.5.4.17=123,UID=uid,2.5.4.9=street 1,EMAILADDRESS=a@b,DC=dc,"
        'SN=sur,OU=a=b,O=\\#\\C3\\9Cn\\C3\\AFcode\\7E,L=\\ lead\\, \\"q\\"\\+\\;\\<\\>\\\\\\ ,C=DE,CN=multi+OU=x'
    )


@given(st.text(), st.text())
def test_no_two_names_are_written_alike(one, other):
    assert (distinguished_name(((("commonName", one),),)) == distinguished_name(((("commonName", other),),))) is (
        one == other
    )
