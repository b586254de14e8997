"""What the settings of TLS, of ways to log in and of proxies accept, beside what `kinds` has."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, TypeAlias

from amqpbroker.server.config.kinds import Kind, read_list, read_path, read_text

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class NamedCertificate:
    """The certificate for clients that ask for a server of this name, as paths. key: None, it is in the same file."""

    name: str
    certificate: str
    key: str | None = None

    def __str__(self) -> str:
        return f"{self.name}={self.certificate}" + (f",{self.key}" if self.key else "")


def some_of(words: Iterable[str], placeholder: str) -> Kind[tuple[str, ...]]:
    """At least one of these words, whatever their case. YAML takes a bare 1.2 for a number, hence the text of it."""
    known = {word.lower(): word for word in words}

    def read(value: object) -> tuple[str, ...]:
        items = read_list([value] if isinstance(value, float) else value)
        if not items:
            raise ValueError
        return tuple(dict.fromkeys(known[str(item).lower()] for item in items))

    return Kind(f"a list of some of {', '.join(known.values())}", placeholder, read, several=True)


def _read_certificate(value: object) -> NamedCertificate:
    """`name=certificate,key`, or a YAML mapping, which alone can hold a path with a comma or a blank."""
    if isinstance(value, str):
        name, _, paths = value.partition("=")
        certificate, *key = paths.split(",")
        if len(key) > 1:
            raise ValueError
        value = {"name": name, "cert": certificate, **({"key": key[0]} if key else {})}
    if not isinstance(value, dict) or not value.keys() <= {"name", "cert", "key"}:
        raise TypeError
    # Names are compared as clients send them.
    name = read_text(value["name"]).lower()
    return NamedCertificate(name, os.path.expanduser(read_text(value["cert"])), read_path(value.get("key")))


def _read_certificates(value: object) -> tuple[NamedCertificate, ...]:
    certificates = tuple(_read_certificate(item) for item in read_list(value))
    if len({certificate.name for certificate in certificates}) < len(certificates):
        raise ValueError
    return certificates


def _read_networks(value: object) -> tuple[Network, ...]:
    return tuple(ip_network(read_text(item)) for item in read_list(value))


def _read_secret(value: object) -> str | None:
    return None if value is None else read_text(value)


SECRET: Final[Kind[str | None]] = Kind("a text that is not empty", "TEXT", _read_secret, secret=True)
TLS_VERSIONS: Final = some_of(("tlsv1.2", "tlsv1.3"), "VERSION")
MECHANISMS: Final = some_of(("PLAIN", "AMQPLAIN", "EXTERNAL", "ANONYMOUS"), "MECHANISM")
CERTIFICATES: Final = Kind(
    "a list of server names with their certificates, each name=certificate,key (a name only once; a path with a comma "
    "or a blank: as name, cert, key in the configuration file)",
    "NAME=CERT,KEY",
    _read_certificates,
    several=True,
)
NETWORKS: Final = Kind("a list of networks such as 10.1.0.0/16 or fd00::/8", "NETWORK", _read_networks, several=True)
