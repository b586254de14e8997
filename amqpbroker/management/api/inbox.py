"""/api/inbox: the last messages, back from the newest, one of them in full, and those that come, as they come.

It is this broker's own. `events` is a stream of server-sent events: a message each, with its id, so that a browser that
lost the connection goes on where it was; `states`, what became of messages told before; `skipped`, how many more there
were.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from amqpbroker.management.errors import BadRequest, NotFound
from amqpbroker.management.inbox.entry import BODY_MAX_BYTES, Entry
from amqpbroker.management.inbox.inbox import Inbox
from amqpbroker.management.inbox.selection import Selection
from amqpbroker.management.inbox.showing import BODY_SHOWN_BYTES, Showing
from amqpbroker.management.requests import ApiRequest, whole_number
from amqpbroker.management.resources import Resource

PAGE_ENTRIES: Final = 100
PAGE_ENTRIES_MAX: Final = 500
# Between two looks whether anything else is to be done.
_ENTRIES_A_STEP: Final = 100
# A comment goes out when nothing has happened for so long, so that whoever is gone is found out.
_QUIET_S: Final = 15.0


async def messages(request: ApiRequest) -> dict[str, Any]:
    """Query: see `Selection`; `before`: an id, only older ones; `limit`; `body_max_bytes`."""
    inbox, showing = _of(request)
    selection = Selection(request.user, request.broker, request.query)
    before = _number(request, "before", inbox.next_id)
    limit = min(_number(request, "limit", PAGE_ENTRIES), PAGE_ENTRIES_MAX)
    body_max_bytes = _number(request, "body_max_bytes", BODY_SHOWN_BYTES)
    found: list[dict[str, Any]] = []
    last_id = 0
    for nth, entry in enumerate(reversed(list(inbox.entries)), 1):
        if nth % _ENTRIES_A_STEP == 0:
            await asyncio.sleep(0)
        if entry.id >= before or not selection.takes(entry):
            continue
        if len(found) == limit:
            break
        inbox.look_at(entry)
        found.append(showing.shown(entry, body_max_bytes))
        last_id = entry.id
    else:
        last_id = 0
    return {"items": found, "before": last_id or None, "next_id": inbox.next_id, "skipped_count": inbox.skipped_count}


async def message(request: ApiRequest) -> dict[str, Any]:
    """One of them, with as much of its body as was kept."""
    inbox, showing = _of(request)
    number = whole_number(request.part("id"), "id")
    entry = next((entry for entry in inbox.entries if entry.id == number), None)
    if entry is None or not Selection(request.user, request.broker, {}).may_see(entry):
        raise NotFound
    inbox.look_at(entry)
    return showing.shown(entry, BODY_MAX_BYTES)


async def events(request: ApiRequest) -> Response:
    """Query: see `Selection`; `after`: an id, from which on; the header Last-Event-ID says it too. `body_max_bytes`."""
    inbox, showing = _of(request)
    selection = Selection(request.user, request.broker, request.query)
    body_max_bytes = _number(request, "body_max_bytes", BODY_SHOWN_BYTES)
    after = _number(request, "after", inbox.next_id - 1)
    last_event_id = request.request.headers.get("last-event-id", "")
    if last_event_id.isdecimal():
        after = int(last_event_id)

    async def told(entries: Sequence[Entry]) -> AsyncIterator[str]:
        for start in range(0, len(entries), _ENTRIES_A_STEP):
            step = entries[start : start + _ENTRIES_A_STEP]
            yield "".join([_event(showing.shown(entry, body_max_bytes), number=entry.id) for entry in step])
            await asyncio.sleep(0)

    async def stream() -> AsyncIterator[str]:
        watcher = inbox.watch()
        try:
            # In one turn with `watch`: nothing is missed between them, and nothing is told twice, by its id.
            past = [entry for entry in inbox.entries if entry.id > after and selection.takes(entry)]
            last_id = inbox.next_id - 1
            yield ": the last messages, as they come\n\n"
            async for part in told(past):
                yield part
            while (news := await watcher.next(_QUIET_S)) is not None:
                new = [entry for entry in news.entries if entry.id > last_id and selection.takes(entry)]
                async for part in told(new):
                    yield part
                parts = []
                told_now = set(new)
                changed = [entry for entry in news.changed if entry not in told_now and selection.takes(entry)]
                if changed:
                    states = [{"id": entry.id, "states": entry.states, "reasons": entry.reasons} for entry in changed]
                    parts.append(_event(states, "states"))
                if news.skipped_count:
                    parts.append(_event({"count": news.skipped_count}, "skipped"))
                if not news:
                    parts.append(": quiet\n\n")
                if parts:
                    yield "".join(parts)
        finally:
            inbox.unwatch(watcher)

    headers = {"cache-control": "no-store"}
    if request.request.method == "HEAD":
        return Response(headers=headers, media_type="text/event-stream")
    return StreamingResponse(stream(), headers=headers, media_type="text/event-stream")


def _event(content: Any, kind: str = "", number: int = 0) -> str:
    name = f"event: {kind}\n" if kind else ""
    place = f"id: {number}\n" if number else ""
    return f"{name}{place}data: {json.dumps(content, separators=(',', ':'))}\n\n"


def _number(request: ApiRequest, name: str, default: int) -> int:
    number = whole_number(request.query.get(name, default), name)
    if number < 0:
        raise BadRequest(f"{name}: {number} is negative")
    return number


def _of(request: ApiRequest) -> tuple[Inbox, Showing]:
    state = request.request.app.state
    return state.inbox, state.showing


RESOURCES = (
    Resource("/inbox/messages", {"GET": messages}),
    Resource("/inbox/messages/{id}", {"GET": message}),
    Resource("/inbox/events", {"GET": events}),
)
