"""A client of the HTTP API, of this broker or a RabbitMQ: one connection, JSON there and back.

http.client is what the standard library has, and nothing else is loaded: `ping` has to be quick.
"""

import base64
import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit

DEFAULT_URL: Final = "http://127.0.0.1:15672"
TIMEOUT_S: Final = 30.0
_PORTS: Final = {"http": 15672, "https": 15671}
_HOST: Final = re.compile(r"[\w.:%-]+")


class Unreachable(Exception):
    """Nobody answers there, or nobody who speaks HTTP. One line, with what to do."""


class Refused(Exception):
    """The broker does not do it: its status and its reason. One line."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class BadURL(ValueError):
    """It is no address of an HTTP API. One line, with what to do."""


class Client:
    """Asks the API at `url` (without user and password), with this Authorization header.

    ca_file: certificates that sign the broker's; the system's if None. verify: whether it is looked at.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        authorization: str = "",
        *,
        ca_file: str | None = None,
        verify: bool = True,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.url = url.rstrip("/")
        self.authorization = authorization
        parts = urlsplit(self.url)
        self.scheme, self.host, self.port = parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]
        self._prefix = parts.path.rstrip("/")
        self._connection = self._open(ca_file, verify, timeout_s)

    def _open(self, ca_file: str | None, verify: bool, timeout_s: float) -> HTTPConnection:
        if self.scheme == "http":
            return HTTPConnection(self.host, self.port, timeout=timeout_s)
        import ssl

        try:
            context = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise BadURL(f"{ca_file}: cannot be used as certificates ({error.strerror or error})") from None
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return HTTPSConnection(self.host, self.port, timeout=timeout_s, context=context)

    def get(self, *path: str, **query: object) -> Any:
        """What is there. path: unquoted, one name each, after /api. Raises Refused, Unreachable, as the others do."""
        return self._json(*self._ask("GET", path, query))

    def put(self, *path: str, body: object) -> Any:
        """Make it, or change it to this."""
        return self._json(*self._ask("PUT", path, {}, body))

    def post(self, *path: str, body: object) -> Any:
        """Ask for an action."""
        return self._json(*self._ask("POST", path, {}, body))

    def delete(self, *path: str, query: dict[str, object] | None = None, headers: dict[str, str] | None = None) -> None:
        """Remove it."""
        self._ask("DELETE", path, query or {}, headers=headers)

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Any request. path: what follows /api, as it goes over the wire."""
        return self._json(*self._exchange(method, f"{self._prefix}/api{path}", body))

    def lines(self, *path: str, **query: object) -> Iterator[bytes]:
        """The lines of an answer that does not end, as they come; it may stay silent for any time."""
        response = self._send("GET", self._target(path, query), None, {"Accept": "text/event-stream"})
        if response.status >= 400:
            raise _refused(response.status, response.read(), response.reason)
        if self._connection.sock is not None:
            self._connection.sock.settimeout(None)
        try:
            yield from response
        except (OSError, HTTPException) as error:
            raise Unreachable(f"{self.url} hung up ({_text(error)})") from error

    def date(self) -> str | None:
        """What time it is for whoever answers, as HTTP writes it."""
        response = self._send("GET", self._target(("whoami",), {}), None, {})
        response.read()
        return response.getheader("Date")

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _ask(
        self,
        method: str,
        path: tuple[str, ...],
        query: dict[str, object],
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        return self._exchange(method, self._target(path, query), body, headers)

    def _exchange(
        self, method: str, target: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        encoded = None if body is None else json.dumps(body).encode()
        response = self._send(method, target, encoded, headers or {})
        try:
            content = response.read()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise Unreachable(f"{self.url} hung up within its answer ({_text(error)})") from error
        if response.status >= 400:
            raise _refused(response.status, content, response.reason)
        if response.status >= 300:
            where = response.getheader("Location", "")
            raise Refused(response.status, f"{self.url} sends us on to {where}: name that address with --http")
        return response.status, content

    def _target(self, path: tuple[str, ...], query: dict[str, object]) -> str:
        given = {name: value for name, value in query.items() if value is not None}
        return f"{self._prefix}/api/{'/'.join(quote(one, safe='') for one in path)}" + (
            f"?{urlencode(given)}" if given else ""
        )

    def _send(self, method: str, target: str, body: bytes | None, headers: dict[str, str]) -> HTTPResponse:
        all_headers = {"Authorization": self.authorization, "Content-Type": "application/json", **headers}
        if not self.authorization:
            del all_headers["Authorization"]
        try:
            self._connection.request(method, target, body, all_headers)
            return self._connection.getresponse()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise Unreachable(f"{self.url} cannot be reached ({_text(error)}); {self._advice(error)}") from error

    def _advice(self, error: Exception) -> str:
        if self.scheme == "https" and "CERTIFICATE_VERIFY_FAILED" in str(error):
            return "name the file of its certificate authority with --ca"
        return "start a broker (amqpbroker serve), or name the address of its HTTP API with --http"

    def _json(self, status: int, content: bytes) -> Any:
        if not content:
            return None
        try:
            return json.loads(content)
        except ValueError:
            raise Refused(status, f"{self.url} answers with something else than JSON: is this the HTTP API?") from None


def basic(user: str, password: str) -> str:
    """The Authorization header of a user with a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def parse_url(text: str) -> tuple[str, str | None, str | None]:
    """The URL without its user and password, and these two. BadURL: it is none; the text, maybe secret, is not told."""
    complaint = BadURL("this is no address of an HTTP API; write http://HOST:15672 or https://HOST:15671")
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise complaint from None
    if parts.scheme not in _PORTS or parts.query or parts.fragment or not host or not _HOST.fullmatch(host):
        raise complaint
    host = f"[{host}]" if ":" in host else host
    url = f"{parts.scheme}://{host}:{port or _PORTS[parts.scheme]}{quote(parts.path.rstrip('/'), safe='/%')}"
    user = None if parts.username is None else unquote(parts.username)
    return url, user, None if parts.password is None else unquote(parts.password)


def _refused(status: int, content: bytes, phrase: str) -> Refused:
    """RabbitMQ gives {"error": ..., "reason": ...}, in which the reason says more, if there is one."""
    try:
        told = json.loads(content)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return Refused(status, f"{status} {phrase}")
    error, reason = told.get("error"), told.get("reason")
    said = reason if isinstance(reason, str) and reason != "Not Found" else error
    text = said if isinstance(said, str) else json.dumps(reason or error)
    return Refused(status, f"{status} {phrase}: {' '.join(text.split())}")


def _text(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return f"{type(error).__name__}: {error}".rstrip(": ")
