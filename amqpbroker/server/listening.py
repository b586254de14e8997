"""Addresses to listen on, whoever listens there: from a host's name to a bound socket."""

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

BACKLOG: Final = 1_024


class ListenError(OSError):
    """An address that cannot be listened on; filename names it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server listens: host and port, or the path of a unix socket. tls: whether TLS is spoken there."""

    host: str | None = None
    port: int = 0
    path: str | None = None
    tls: bool = False


class Address(NamedTuple):
    """What a host's name stands for; port 0: any free one."""

    family: socket.AddressFamily
    host: str
    port: int = 0

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.family == socket.AF_INET else f"[{self.host}]:{self.port}"


def addresses_of(hosts: Iterable[str]) -> list[Address]:
    """The addresses of hosts, each once, in order. Raises ListenError."""
    found: dict[str, Address] = {}
    for host in hosts:
        try:
            known = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except OSError as error:
            raise listen_error(error, host) from error
        for family, _, _, _, address in known:
            found.setdefault(str(address[0]), Address(family, str(address[0])))
    return list(found.values())


def ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address, without a zone; an IPv4 address written as one of IPv6 is what it is. Raises ValueError."""
    found = ipaddress.ip_address(text.partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


def open_socket(address: Address) -> socket.socket:
    """A socket that listens on the address. Raises ListenError, naming it."""
    # A host without a name takes both families where the machine can.
    both = address.host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            (address.host, address.port), family=address.family, dualstack_ipv6=both, backlog=BACKLOG
        )
    except OSError as error:
        raise listen_error(error, str(address)) from error


def listen_error(error: OSError, address: str) -> ListenError:
    """The same error with the address in it."""
    return ListenError(error.errno, error.strerror or str(error), address)
