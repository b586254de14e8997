"""A blocking connection of the load: the handshake and a few methods by our own codec, everything else as octets."""

import socket
from typing import Final, TypeVar

from amqpbroker.cli.amqp import Address
from amqpbroker.wire.constants import FRAME_END, METHOD
from amqpbroker.wire.frames import FRAME_HEADER
from amqpbroker.wire.methods import Channel, Connection, Method, decode, encode_frame
from amqpbroker.wire.tables import from_python

CHANNEL: Final = 1
PROTOCOL_HEADER: Final = b"AMQP\x00\x00\x09\x01"
_HEADER_SIZE: Final = FRAME_HEADER.size
_RECEIVE_BYTES: Final = 1 << 18
_TIMEOUT_S: Final = 15.0

Answer = TypeVar("Answer", bound=Method)


class LoadError(Exception):
    """The broker refused, or ended it. One line."""


class LoadConnection:
    """With channel 1 open. Raises OSError: nobody there; LoadError: refused."""

    def __init__(self, to: Address) -> None:
        self.socket = socket.create_connection((to.host, to.port), _TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if to.tls is not None:
            self.socket = to.tls.wrap_socket(self.socket, server_hostname=to.host)
        self.unread = b""
        self._log_in(to)

    def _log_in(self, to: Address) -> None:
        self.socket.sendall(PROTOCOL_HEADER)
        self._wait(Connection.Start)
        # No heartbeats: whoever is measured has no time to send any.
        properties = from_python(
            {
                "product": "amqpbroker bench",
                "connection_name": "amqpbroker bench",
                # Else a broker hangs up on a wrong password without a word.
                "capabilities": {"authentication_failure_close": True},
            }
        ).value
        response = f"\0{to.user}\0{to.password}".encode()
        self.send(0, Connection.StartOk(client_properties=properties, mechanism="PLAIN", response=response))
        tune = self._wait(Connection.Tune)
        self.frame_max_bytes: int = tune.frame_max
        self.send(0, Connection.TuneOk(channel_max=tune.channel_max, frame_max=tune.frame_max, heartbeat=0))
        self.send(0, Connection.Open(virtual_host=to.vhost))
        self._wait(Connection.OpenOk)
        self.call(Channel.Open(), Channel.OpenOk)

    def send(self, channel: int, method: Method) -> None:
        """A method that nothing is waited for."""
        self.socket.sendall(encode_frame(channel, method))

    def call(self, method: Method, answer: type[Answer]) -> Answer:
        """A method, and what it is answered with."""
        self.send(CHANNEL, method)
        return self._wait(answer)

    def read(self) -> bytes:
        """What has come, at least something. Raises LoadError: the broker has hung up."""
        octets = self.socket.recv(_RECEIVE_BYTES)
        if not octets:
            raise LoadError("the broker has hung up")
        return octets

    def close(self, rest: bytes = b"") -> None:
        """Say goodbye, and hang up. rest: what was read and is the beginning of a frame."""
        self.unread = rest or self.unread
        try:
            self.socket.settimeout(_TIMEOUT_S)
            self.say_goodbye()
            self._wait(Connection.CloseOk)
        except (OSError, LoadError):
            pass  # the broker has gone first
        finally:
            self.socket.close()

    def say_goodbye(self) -> None:
        """The broker answers when it is through with all that was sent."""
        self.send(0, Connection.Close(reply_code=200, reply_text="", class_id=0, method_id=0))

    def _wait(self, answer: type[Answer]) -> Answer:
        """The next method, which has to be this one. Raises LoadError: it is another."""
        while True:
            kind, payload = self._frame()
            if kind != METHOD:
                continue
            method = decode(payload)
            if isinstance(method, answer):
                return method
            refuse(method)

    def _frame(self) -> tuple[int, bytes]:
        while True:
            octets = self.unread
            if len(octets) >= _HEADER_SIZE:
                kind, _, size = FRAME_HEADER.unpack_from(octets)
                end = _HEADER_SIZE + size + 1
                if len(octets) >= end:
                    if octets[end - 1] != FRAME_END:
                        raise LoadError("what the broker sends is not AMQP")
                    self.unread = octets[end:]
                    return kind, octets[_HEADER_SIZE : end - 1]
            self.unread += self.read()


def refuse(method: Method) -> None:
    """Raises LoadError if the method ends the channel or the connection; others may come at any time."""
    if isinstance(method, Channel.Close | Connection.Close):
        raise LoadError(f"{method.reply_code} {method.reply_text}")
