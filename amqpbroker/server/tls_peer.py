"""What is known of a client by its TLS: the suite agreed upon, and its certificate.

Source: RabbitMQ's `rabbit_ssl` and `rabbit_cert_info`; names in full are RFC 4514 as RabbitMQ writes it.
"""

import re
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from amqpbroker.model.observing.tls_facts import CertificateFacts, TlsFacts

# As Python's ssl gives it: names are sequences of sets of (attribute, value).
Certificate: TypeAlias = Mapping[str, Any]

# OpenSSL's name of an attribute → RabbitMQ's, which is the number where it has none.
_ATTRIBUTES: Final = {
    "surname": "SN",
    "givenName": "GIVENNAME",
    "initials": "INITIALS",
    "generationQualifier": "GENERATIONQUALIFIER",
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "title": "TITLE",
    "countryName": "C",
    "serialNumber": "SERIALNUMBER",
    "pseudonym": "PSEUDONYM",
    "domainComponent": "DC",
    "emailAddress": "EMAILADDRESS",
    "userId": "UID",
    "streetAddress": "2.5.4.9",
    "postalCode": "2.5.4.17",
    "businessCategory": "2.5.4.15",
    "dnQualifier": "2.5.4.46",
    "name": "2.5.4.41",
    "description": "2.5.4.13",
    "organizationIdentifier": "2.5.4.97",
    "jurisdictionCountryName": "1.3.6.1.4.1.311.60.2.1.3",
    "jurisdictionStateOrProvinceName": "1.3.6.1.4.1.311.60.2.1.2",
    "jurisdictionLocalityName": "1.3.6.1.4.1.311.60.2.1.1",
}
# Suites of TLS 1.2 by OpenSSL's names: those that Python deems safe, and the AES that others may ask for.
_SUITE: Final = re.compile(
    r"(?:(DHE-RSA|ECDHE-RSA|ECDHE-ECDSA)-)?(?:AES(128|256)|CHACHA20-POLY1305)(?:-(GCM|CCM))?(?:-(SHA\d*))?"
)
_ESCAPED: Final = frozenset('"+,;<>\\')


def facts_of(connection: ssl.SSLObject) -> TlsFacts:
    """What is told of a connection whose handshake is done."""
    suite = connection.cipher()
    assert suite is not None
    key_exchange, cipher, hash_ = parts_of_suite(suite[0])
    certificate = connection.getpeercert()
    return TlsFacts(
        protocol=str(connection.version()).lower(),
        key_exchange=key_exchange,
        cipher=cipher,
        hash=hash_,
        peer_certificate=_certificate_facts(certificate) if certificate else None,
    )


def parts_of_suite(name: str) -> tuple[str, str, str]:
    """(key exchange, cipher, hash) of a suite by OpenSSL's name, as Erlang calls them."""
    if name.startswith("TLS_"):
        cipher = name.removeprefix("TLS_").rpartition("_")[0]
        return "any", cipher.lower(), "aead"
    found = _SUITE.fullmatch(name)
    if found is None:
        return "", name.lower(), ""
    exchange, bits, mode, hash_ = (part.lower().replace("-", "_") for part in found.groups(""))
    cipher = f"aes_{bits}_{mode or 'cbc'}" if bits else "chacha20_poly1305"
    return exchange or "rsa", cipher, "aead" if mode or not bits else hash_


def distinguished_name(name: Sequence[Sequence[tuple[str, str]]]) -> str:
    """A name as text: the last of its parts is the first."""
    return ",".join(
        "+".join(f"{_ATTRIBUTES.get(key, key)}={_escaped(value)}" for key, value in rdn) for rdn in name[::-1]
    )


def _escaped(value: str) -> str:
    octets = value.encode("utf-8", "surrogateescape")
    last = len(octets) - 1
    return "".join(_escaped_octet(octet, at == 0, at == last) for at, octet in enumerate(octets))


def _escaped_octet(octet: int, is_first: bool, is_last: bool) -> str:
    sign = chr(octet)
    if sign in _ESCAPED or (is_first and sign in " #") or (is_last and sign == " "):
        return f"\\{sign}"
    # All but the signs of ASCII that everybody can read, and the tilde.
    return sign if 32 <= octet < 126 else f"\\{octet:02X}"


def _certificate_facts(certificate: Certificate) -> CertificateFacts:
    return CertificateFacts(
        subject=distinguished_name(certificate["subject"]),
        issuer=distinguished_name(certificate["issuer"]),
        validity=f"{_time(certificate['notBefore'])} - {_time(certificate['notAfter'])}",
        serial_number=str(int(certificate["serialNumber"], 16)),
    )


def _time(text: str) -> str:
    """`Jan  1 00:00:00 2030 GMT` → `2030-01-01T00:00:00Z`."""
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
