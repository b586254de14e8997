"""Addresses to listen on: each once, and an error that names the one that cannot be."""

import socket

import pytest

from amqpbroker.server.listening import Address, ListenError, addresses_of, ip_address, open_socket


def test_a_host_named_twice_is_one_address() -> None:
    assert addresses_of(["127.0.0.1", "127.0.0.1"]) == [Address(socket.AF_INET, "127.0.0.1")]


def test_a_host_that_nobody_knows_is_named() -> None:
    with pytest.raises(ListenError) as raised:
        addresses_of(["no-such-host.invalid"])
    assert raised.value.filename == "no-such-host.invalid"


def test_any_free_port_is_found() -> None:
    with open_socket(Address(socket.AF_INET, "127.0.0.1")) as listening:
        assert listening.getsockname()[1] > 0


def test_an_address_that_is_taken_is_named() -> None:
    with open_socket(Address(socket.AF_INET, "127.0.0.1")) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(ListenError) as raised:
            open_socket(Address(socket.AF_INET, "127.0.0.1", port))
    assert raised.value.filename == f"127.0.0.1:{port}"


def test_an_address_of_the_newer_protocol_is_written_in_brackets() -> None:
    assert str(Address(socket.AF_INET6, "::1", 5672)) == "[::1]:5672"


@pytest.mark.parametrize(
    ("text", "meant"), [("127.0.0.1", "127.0.0.1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("fe80::1%eth0", "fe80::1")]
)
def test_an_address_is_what_it_stands_for(text: str, meant: str) -> None:
    assert str(ip_address(text)) == meant
