"""Headers of proxies: whole, in pieces, cut off, too long, and what is none."""

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.server.proxy_protocol import Ends, MalformedProxyHeader, parse, wanted

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CLIENT, HERE = ("192.0.2.7", 50_000), ("198.51.100.1", 5_672)
ENDS = Ends(CLIENT, HERE)
AFTERWARDS = b"AMQP\0\0\x09\x01"

ports = st.integers(0, 65_535)
ends = st.one_of(
    st.builds(Ends, *[st.tuples(st.ip_addresses(v=version).map(str), ports) for _ in range(2)]) for version in (4, 6)
)


def line(said: Ends) -> bytes:
    """The header in version 1."""
    family = "TCP6" if ":" in said.peer[0] else "TCP4"
    return f"PROXY {family} {said.peer[0]} {said.here[0]} {said.peer[1]} {said.here[1]}\r\n".encode()


def octets(said: Ends, more: bytes = b"") -> bytes:
    """The header in version 2."""
    family = 0x21 if ":" in said.peer[0] else 0x11
    addresses = b"".join(ipaddress.ip_address(end[0]).packed for end in (said.peer, said.here))
    body = addresses + struct.pack(">HH", said.peer[1], said.here[1]) + more
    return SIGNATURE + struct.pack(">BBH", 0x21, family, len(body)) + body


def read(source: bytes, pieces: list[int] | None = None) -> tuple[bytes, bytes]:
    """(the header, what is left of source). pieces: how much comes at a time, at most."""
    header, left = b"", source
    sizes = iter(pieces or [])
    while missing := wanted(header):
        size = min(missing, next(sizes, missing), len(left))
        assert size, "it would wait for ever"
        header, left = header + left[:size], left[size:]
    return header, left


@given(ends, st.lists(st.integers(1, 50)), st.binary(max_size=9))
def test_a_line_is_read_in_any_pieces_and_nothing_after_it(said, pieces, afterwards):
    header, left = read(line(said) + afterwards, pieces)
    assert (parse(header), left) == (said, afterwards)


@given(ends, st.lists(st.integers(1, 50)), st.binary(max_size=100), st.binary(max_size=9))
def test_octets_are_read_in_any_pieces_and_nothing_after_them(said, pieces, more, afterwards):
    header, left = read(octets(said, more) + afterwards, pieces)
    assert (parse(header), left) == (said, afterwards)


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 whatever it is\r\n",
        SIGNATURE + b"\x20\x00\0\0",
        SIGNATURE + b"\x20\x11\0\x03abc",
        SIGNATURE + b"\x21\x00\0\0",
        SIGNATURE + b"\x21\x31\0\xd8" + bytes(216),
    ],
)
def test_a_proxy_may_speak_for_itself(header):
    assert read(header + AFTERWARDS) == (header, AFTERWARDS)
    assert parse(header) is None


@pytest.mark.parametrize("start", [b"AMQP\0\0\x09\x01", b"PROXI TCP4 ", b"\x16\x03\x01", b"\r\n\r\n\0\r\nQUIZ\n", b"x"])
def test_octets_that_begin_otherwise_are_no_header(start):
    with pytest.raises(MalformedProxyHeader, match="begins with neither"):
        wanted(start)


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP4 192.0.2.7 198.51.100.1 50000\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 5672 1\r\n",
        b"PROXY TCP4  192.0.2.7 198.51.100.1 50000 5672\r\n",
        b"PROXY TCP6 192.0.2.7 198.51.100.1 50000 5672\r\n",
        b"PROXY TCP4 ::1 ::1 50000 5672\r\n",
        b"PROXY TCP6 ::1%lo ::1 50000 5672\r\n",
        b"PROXY TCP4 192.0.2.256 198.51.100.1 50000 5672\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 50000 65536\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 -1 5672\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 050 5672\r\n",
        b"PROXY UDP4 192.0.2.7 198.51.100.1 50000 5672\r\n",
        b"PROXY TCP4 192.0.2.\xff 198.51.100.1 50000 5672\r\n",
        SIGNATURE + b"\x22\x11\0\0",
        SIGNATURE + b"\x11\x11\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x12\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\0\x0b" + bytes(11),
        SIGNATURE + b"\x21\x21\0\x0c" + bytes(12),
    ],
)
def test_a_header_that_says_nothing_sensible_is_malformed(header):
    with pytest.raises(MalformedProxyHeader):
        parse(read(header)[0])


@pytest.mark.parametrize("text", [b"PROXY TCP4\n", b"PROXY TCP4 1\r2\r\n", b"PROXY UNKNOWN" + b" " * 107])
def test_a_line_without_its_end_is_not_waited_for(text):
    with pytest.raises(MalformedProxyHeader, match="does not end"):
        read(text + AFTERWARDS * 20)


def test_the_longest_line_is_read():
    longest = b"PROXY UNKNOWN ".ljust(105, b"x") + b"\r\n"
    assert read(longest + AFTERWARDS) == (longest, AFTERWARDS)


def test_more_octets_than_any_proxy_sends_are_not_read():
    with pytest.raises(MalformedProxyHeader, match="65535 more; 4096 is the most"):
        wanted(SIGNATURE + b"\x21\x11\xff\xff")


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda rest: b"PROXY " + rest))
def test_any_octets_are_a_header_or_malformed_or_wait_for_more(source):
    header = b""
    try:
        while missing := wanted(header):
            if not source:
                return
            header, source = header + source[:missing], source[missing:]
        parse(header)
    except MalformedProxyHeader:
        assert len(header) <= 300
