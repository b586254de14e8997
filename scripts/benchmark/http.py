"""Asking the management API."""

import base64
import http.client
import socket
import threading
import time
import urllib.error
import urllib.request
from typing import Final

from benchmark.wire import HOST

_GUEST: Final = "Basic " + base64.b64encode(b"guest:guest").decode()
_TIMEOUT_S: Final = 30.0


def get(port: int, path: str) -> bytes:
    """The body of the answer, once there is one. Raises OSError."""
    request = urllib.request.Request(f"http://{HOST}:{port}{path}", headers={"Authorization": _GUEST})
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
        body: bytes = answer.read()
        return body


class Stream:
    """An answer that goes on for as long as somebody reads it, in a thread. line_count: how many lines came."""

    def __init__(self, port: int, path: str) -> None:
        self.line_count = 0
        self._connection = http.client.HTTPConnection(HOST, port)
        self._connection.request("GET", path, headers={"Authorization": _GUEST})
        # From here on nothing is waited for but the broker.
        assert self._connection.sock is not None
        self._socket: socket.socket = self._connection.sock
        self._answer = self._connection.getresponse()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while self._answer.readline():
            self.line_count += 1

    def close(self) -> None:
        """Reads no more."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._connection.close()


def get_ms(port: int, path: str) -> float:
    """How long the answer took, on a connection of its own."""
    start_s = time.perf_counter()
    get(port, path)
    return (time.perf_counter() - start_s) * 1e3
