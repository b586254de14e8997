"""Asking the management API."""

import base64
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


def get_ms(port: int, path: str) -> float:
    """How long the answer took, on a connection of its own."""
    start_s = time.perf_counter()
    get(port, path)
    return (time.perf_counter() - start_s) * 1e3
