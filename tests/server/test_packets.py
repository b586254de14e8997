"""Packets of sockets, as the system counts them."""

import socket
import sys

import pytest

from amqpbroker.server.packets import packets_of


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts them")
def test_packets_are_counted_both_ways() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        server, _ = listening.accept()
        with client, server:
            client.sendall(b"octets")
            assert server.recv(6) == b"octets"
            received, sent = packets_of(client)
            assert received > 0 and sent > 1
            assert packets_of(server)[0] == sent


def test_nothing_is_told_of_what_is_closed_or_no_tcp() -> None:
    with socket.socket() as closed:
        pass
    assert packets_of(closed) == (0, 0)
    here, there = socket.socketpair()
    with here, there:
        assert packets_of(here) == (0, 0)
