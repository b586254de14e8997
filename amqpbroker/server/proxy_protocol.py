"""The header of a proxy in front of the broker, which says where the client is: versions 1 (text) and 2 (octets).

A reader takes as many octets as are still `wanted` and no more, since what follows is the client's, maybe its TLS.

Source: HAProxy's doc/proxy-protocol.txt.
"""

import ipaddress
from dataclasses import dataclass
from typing import Final

_SIGNATURE_2: Final = b"\r\n\r\n\0\r\nQUIT\n"
_SIGNATURE_1: Final = b"PROXY "
_LINE_MAX_BYTES: Final = 107
# What may follow the addresses is not read; more than this no proxy sends.
_BODY_MAX_BYTES: Final = 4_096
# The shortest line is `PROXY UNKNOWN` and its end.
_FIRST_BYTES: Final = 12
_PREFIX_2_BYTES: Final = 16
# Command and family of version 2.
_LOCAL: Final = 0x20
_PROXY: Final = 0x21
_ADDRESS_BYTES: Final = {0x11: 4, 0x21: 16}


class MalformedProxyHeader(ValueError):
    """The octets are no header of a proxy: why."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Address and port of the client, and of where it has connected to."""

    peer: tuple[str, int]
    here: tuple[str, int]


def wanted(octets: bytes) -> int:
    """How many octets to read before asking again; 0: the header is whole. Raises MalformedProxyHeader."""
    size = len(octets)
    if size < _FIRST_BYTES:
        first = octets[: len(_SIGNATURE_1)]
        if not _SIGNATURE_1.startswith(first) and not _SIGNATURE_2.startswith(octets):
            raise MalformedProxyHeader("it begins with neither PROXY nor the signature of version 2")
        return _FIRST_BYTES - size
    if octets.startswith(_SIGNATURE_1):
        return _wanted_of_line(octets)
    if not octets.startswith(_SIGNATURE_2):
        raise MalformedProxyHeader("it begins with neither PROXY nor the signature of version 2")
    if size < _PREFIX_2_BYTES:
        return _PREFIX_2_BYTES - size
    body_bytes = int.from_bytes(octets[14:16], "big")
    if body_bytes > _BODY_MAX_BYTES:
        raise MalformedProxyHeader(f"its first 16 octets announce {body_bytes} more; {_BODY_MAX_BYTES} is the most")
    return _PREFIX_2_BYTES + body_bytes - size


def _wanted_of_line(octets: bytes) -> int:
    if octets.endswith(b"\r\n"):
        return 0
    if b"\n" in octets or b"\r" in octets[:-1]:
        raise MalformedProxyHeader("its line does not end with CR LF")
    if len(octets) >= _LINE_MAX_BYTES:
        raise MalformedProxyHeader(f"its line does not end within {_LINE_MAX_BYTES} octets")
    return 1 if octets.endswith(b"\r") or len(octets) == _LINE_MAX_BYTES - 1 else 2


def parse(octets: bytes) -> Ends | None:
    """What a whole header says; None: it is the proxy itself that has connected. Raises MalformedProxyHeader."""
    return _parse_line(octets) if octets.startswith(_SIGNATURE_1) else _parse_octets(octets)


def _parse_line(octets: bytes) -> Ends | None:
    # Anything may follow UNKNOWN, and is not read.
    protocol, _, rest = octets[len(_SIGNATURE_1) : -2].partition(b" ")
    if protocol == b"UNKNOWN":
        return None
    families = {b"TCP4": ipaddress.IPv4Address, b"TCP6": ipaddress.IPv6Address}
    fields = rest.split(b" ")
    if protocol not in families or len(fields) != 4:
        raise MalformedProxyHeader("its line is not PROXY TCP4 or TCP6, two addresses and two ports")
    try:
        source, destination = (str(families[protocol](field.decode("ascii"))) for field in fields[:2])
        if b"%" in rest:  # which Python takes for the scope of an address
            raise ValueError
    except ValueError:
        raise MalformedProxyHeader("an address in it is none, or not of the family it names") from None
    source_port, destination_port = (_port(field) for field in fields[2:])
    return Ends((source, source_port), (destination, destination_port))


def _port(field: bytes) -> int:
    if not field.isdigit() or (field[:1] == b"0" and field != b"0") or int(field) > 65_535:
        raise MalformedProxyHeader("a port in it is no number from 0 to 65535")
    return int(field)


def _parse_octets(octets: bytes) -> Ends | None:
    command, family = octets[12], octets[13]
    if command == _LOCAL:
        return None
    if command != _PROXY:
        raise MalformedProxyHeader(f"its version and command are {command:#04x}; 0x20 and 0x21 are known")
    size = _ADDRESS_BYTES.get(family)
    if size is None:
        if family in (0x00, 0x31):  # not told, or a unix socket of the proxy's machine
            return None
        raise MalformedProxyHeader(f"its family and transport are {family:#04x}, which is no TCP")
    body = octets[_PREFIX_2_BYTES:]
    if len(body) < 2 * size + 4:
        raise MalformedProxyHeader("its addresses are cut off")
    source, destination = (str(ipaddress.ip_address(body[at : at + size])) for at in (0, size))
    source_port, destination_port = (int.from_bytes(body[2 * size + at : 2 * size + at + 2], "big") for at in (0, 2))
    return Ends((source, source_port), (destination, destination_port))
