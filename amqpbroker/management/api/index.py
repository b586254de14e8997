"""/api, /api/index.html: a page that names every resource. RabbitMQ's explains each, and clients link to it."""

import re
from html import escape
from typing import Final

from starlette.responses import HTMLResponse, RedirectResponse

from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import Resource

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>amqpbroker: HTTP API</title>
<h1>HTTP API</h1>
<p>Paths, fields and statuses are RabbitMQ's, whose documentation of its HTTP API holds here, too.</p>
<table>
<tr><th>Path<th>Methods
{rows}
</table>
"""
_PART: Final = re.compile(r"\{(\w+)\}")


async def to_page(request: ApiRequest) -> RedirectResponse:
    return RedirectResponse("/api/index.html", 301)


async def page(request: ApiRequest) -> HTMLResponse:
    from amqpbroker.management.api import RESOURCES

    rows = (f"<tr><td>/api{_shown(one.path)}<td>{escape(', '.join(one.methods))}" for one in RESOURCES)
    return HTMLResponse(_PAGE.format(rows="\n".join(rows)))


def _shown(path: str) -> str:
    return _PART.sub(r"<i>\1</i>", escape(path))


RESOURCES = (
    Resource("", {"GET": to_page}, is_for_strangers=True),
    Resource("/index.html", {"GET": page}, is_for_strangers=True),
)
