"""The web UI's own files, which lie in the folder `ui`: what a browser asks for below / and /ui."""

import hashlib
import os
from functools import cache
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from amqpbroker import management
from amqpbroker.management.errors import NotFound
from amqpbroker.management.resources import error_response

DIRECTORY: Final = os.path.join(os.path.dirname(management.__file__), "ui")
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


class _File(NamedTuple):
    content: bytes
    media_type: str
    etag: str


@cache
def _files() -> dict[str, _File]:
    """All of them by their paths below the directory; they are few and small."""
    found = {}
    for folder, _, names in os.walk(DIRECTORY):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                content = file.read()
            etag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
            key = os.path.relpath(path, DIRECTORY).replace(os.sep, "/")
            found[key] = _File(content, _TYPES[os.path.splitext(name)[1]], etag)
    return found


async def _index(request: Request) -> Response:
    return _answer(request, "index.html")


async def _file(request: Request) -> Response:
    return _answer(request, request.path_params["path"])


def _answer(request: Request, path: str) -> Response:
    """Kept by the browser, which asks each time whether it is still the same."""
    file = _files().get(path)
    if file is None:
        return error_response(NotFound())
    headers = {"etag": file.etag, "cache-control": "no-cache"}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)


ROUTES: Final[list[BaseRoute]] = [Route("/", _index), Route("/ui/{path:path}", _file)]
