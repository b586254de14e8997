"""A request to the API: who asks for what, with the names out of its path and the object in its body.

Clients are sloppy: names come quoted in every way, numbers and truths as strings, bodies where none is meant.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from starlette.requests import Request

from amqpbroker.limits import TABLE_DEPTH_MAX
from amqpbroker.management.errors import BadRequest, NotFound, TooLarge, Unavailable
from amqpbroker.model.access import User
from amqpbroker.model.broker import Broker
from amqpbroker.model.vhost import VirtualHost

if TYPE_CHECKING:
    from amqpbroker.management.statistics.rates import Rates
    from amqpbroker.server.server import Server

BODY_MAX_BYTES: Final = 1_048_576
# Values are walked by recursion. More than a field table may have, with what is around it.
_DEPTH_MAX: Final = 2 * TABLE_DEPTH_MAX
_TOO_DEEP: Final = "not_json: too many lists and objects within each other"
# What Erlang prints in a line.
_LINE_MAX: Final = 78
_ENCODED_TWICE: Final = "invalid payload: the request body JSON-decoded to a string. Is the input doubly-JSON-encoded?"
_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off", ""})


class ApiRequest:
    """user: who asks. query: what follows the question mark. body_max_bytes: a larger body is refused."""

    def __init__(self, request: Request, server: "Server", user: User, body_max_bytes: int = BODY_MAX_BYTES) -> None:
        self.server = server
        self.user = user
        self.request = request
        self.query: Mapping[str, str] = request.query_params
        self.body_max_bytes = body_max_bytes

    @property
    def broker(self) -> Broker:
        """What it is about."""
        return self.server.broker

    @property
    def subject(self) -> Broker:
        """What rates are of where the whole node is told of."""
        return self.server.broker

    @cached_property
    def rates(self) -> "Rates":
        """How what is told changes with time. Raises 400 if its past is asked for in a way that makes no sense."""
        from amqpbroker.management.statistics.rates import Rates

        return Rates(self.request.app.state.history, self.query)

    @property
    def peer(self) -> str | None:
        """The address it came from; None: a unix socket."""
        return peer_of(self.request)

    @property
    def port(self) -> int | None:
        """The port that it came to; None: a unix socket."""
        return port_of(self.request)

    def part(self, name: str) -> str:
        """A part of the path, as the client meant it: what stands between two slashes was quoted once."""
        return unquote(self.request.path_params[name], errors="surrogateescape")

    def has(self, name: str) -> bool:
        """Whether the path has such a part."""
        return name in self.request.path_params

    @cached_property
    def vhost(self) -> VirtualHost:
        """The virtual host named in the path. Raises 404, which says so to whoever would put something there."""
        found = self.broker.vhosts.get(self.part("vhost"))
        if found is None:
            raise NotFound("vhost_not_found" if self.request.method in ("PUT", "POST") else "")
        return found

    def flag(self, name: str) -> bool:
        """Whether the query has that name, with a value that means yes. Raises 400."""
        return truth(self.query.get(name, "false"), name)

    async def octets(self) -> bytes:
        """The body as it came. Raises 413, before more is read than is taken."""
        announced = self.request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self.body_max_bytes:
            raise TooLarge(self.body_max_bytes)
        parts, size_bytes = [], 0
        async for part in self.request.stream():
            parts.append(part)
            size_bytes += len(part)
            if size_bytes > self.body_max_bytes:
                raise TooLarge(self.body_max_bytes)
        return b"".join(parts)

    async def json(self) -> Any:
        """The body as JSON; nothing is an empty object. Raises 400."""
        octets = await self.octets()
        return parse_json(octets) if octets.strip() else {}

    async def object(self, *keys: str) -> dict[str, Any]:
        """The body as a JSON object; nothing and null are an empty one. keys: those it has to have. Raises 400."""
        content = await self.json()
        if content is None:
            content = {}
        if isinstance(content, str):
            raise BadRequest(_ENCODED_TWICE)
        if not isinstance(content, dict):
            raise BadRequest("not_json: the body is no object")
        if missing := [key for key in keys if key not in content]:
            raise BadRequest(_missing(missing))
        return content

    async def recorded(self) -> None:
        """Ends when what was changed by now is on disk, and has clients told of it meanwhile. Raises 503."""
        try:
            await self.server.recorded()
        except OSError as error:
            raise Unavailable("the disk has failed: whether this is on it nobody knows") from error


def peer_of(request: Request) -> str | None:
    """See `ApiRequest.peer`."""
    return request.client.host if request.client is not None else None


def port_of(request: Request) -> int | None:
    """See `ApiRequest.port`."""
    server: tuple[str, int | None] | None = request.scope.get("server")
    return server[1] if server is not None else None


def parse_json(octets: bytes) -> Any:
    """The value that is written there. Raises 400."""
    try:
        text = octets.decode("utf-8")
        content = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:
            # Half a character (\ud800) has no octets.
            json.dumps(content, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise BadRequest(f"not_json: {error}") from None
    except RecursionError:
        raise BadRequest(_TOO_DEEP) from None
    except UnicodeError:
        raise BadRequest("not_json: a text in it is no Unicode") from None
    except ValueError as error:
        raise BadRequest(f"not_json: {error}") from None
    if depth(content) > _DEPTH_MAX:
        raise BadRequest(_TOO_DEEP)
    return content


def depth(value: Any) -> int:
    """How many lists and objects stand within each other."""
    found, level = 0, [value]
    while level := [item for item in level if isinstance(item, list | dict)]:
        found += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return found


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _missing(keys: Sequence[str]) -> str:
    """As Erlang prints it: one to a line where they do not fit into one."""
    entries = [f"{{key_missing,{key}}}" for key in keys]
    line = f"[{','.join(entries)}]"
    return line if len(line) <= _LINE_MAX else "[" + ",\n ".join(entries) + "]"


def truth(value: Any, name: str) -> bool:
    """A truth, or what clients send for one. Raises 400."""
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise BadRequest(f"{name}: {value!r:.100} is neither true nor false")


def whole_number(value: Any, name: str) -> int:
    """A whole number, or its digits. Raises 400."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise BadRequest(f"{name}: {value!r:.100} is not a whole number")
    try:
        return int(value)
    except ValueError:
        raise BadRequest(f"{name}: {value!r:.100} is not a whole number") from None
