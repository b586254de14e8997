"""A browser cannot be made to drive the API by a page from elsewhere.

A page may send a browser's requests to any address, also to this machine, and with a name of its own that leads here
(DNS rebinding) it may read the answers: guest's password is known to everybody. So a request has to name a host that is
ours, and one that changes something has to come from our own page or from no page at all.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from amqpbroker.management.errors import Forbidden

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Nobody can have a name under these registered: they lead nowhere but to one's own network.
_OWN_SUFFIXES: Final = (".localhost", ".local", ".internal", ".test", ".home.arpa", ".cluster.local")
_HOST: Final = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[^:\[\]/@?#\s]+))(?::[0-9]{1,5})?")


class Guards:
    """names: further names that lead here, beside addresses, names without a dot and this machine's own."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = frozenset(name.lower() for name in (*names, socket.gethostname(), socket.getfqdn()))

    def check(self, method: str, headers: Mapping[str, str]) -> None:
        """headers: by their names in small letters. Raises 403."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            raise Forbidden(f"host {host!r} is not known here; name it in http_hosts if it leads here")
        if method in SAFE_METHODS:
            return
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise Forbidden("a page from elsewhere may change nothing here")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise Forbidden(f"a page of {origin!r} may change nothing here")

    def _is_ours(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        if found["six"] is not None:
            return True
        name = found["name"].lower().rstrip(".")
        return "." not in name or name in self._names or name.endswith(_OWN_SUFFIXES) or _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
