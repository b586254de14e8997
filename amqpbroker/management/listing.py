"""Lists as clients ask for them: sorted by any field, a page of them, some fields of each.

A kind of thing has a table of fields, each a function of the thing. So a list is sorted by one field without the
others being computed, and only what is on the page is computed in full. A long list is computed a part at a time, and
sent so: the broker has other things to do.

Source: RabbitMQ `rabbit_mgmt_util` (reply_list, augment_resources).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from amqpbroker.management.columns import Columns, only, read_columns
from amqpbroker.management.paging import read_page
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import json_octets, json_response
from amqpbroker.management.sorting import Rank, rank, value_at

# The fields of a thing, by name.
Fields = Mapping[str, Callable[[Any], Any]]
# Which fields a thing has.
FieldsOf = Callable[[Any], Fields]

# So many things are computed, or looked at for sorting, before others have their turn.
_ITEMS_PER_TURN: Final = 100
_RANKS_PER_TURN: Final = 1_000


async def list_response(
    request: ApiRequest,
    things: Sequence[Any],
    fields_of: FieldsOf,
    *,
    is_paged: bool = True,
    sort: Sequence[str] = ("vhost", "name"),
) -> Response:
    """The list, or the page of it, that is asked for. Raises 400.

    is_paged: whether RabbitMQ pages such lists. sort: the fields that it sorts them by when nobody says otherwise.
    """
    page = read_page(request.query) if is_paged else None
    columns = _columns(request)
    in_order = await _sorted(request, things, fields_of, sort)
    if page is not None:
        part, told = page.of(in_order, lambda thing: str(fields_of(thing)["name"](thing)))
        items = []
        for place in range(0, len(part), _ITEMS_PER_TURN):
            items += [computed(thing, fields_of(thing), columns) for thing in part[place : place + _ITEMS_PER_TURN]]
            await asyncio.sleep(0)
        return json_response({**told, "items": items})
    if len(in_order) <= _ITEMS_PER_TURN:
        return json_response([computed(thing, fields_of(thing), columns) for thing in in_order])
    headers = {"cache-control": "no-cache"}
    return StreamingResponse(_in_parts(in_order, fields_of, columns), 200, headers, "application/json")


def item(request: ApiRequest, thing: Any, fields: Fields) -> dict[str, Any]:
    """One thing, as far as it is asked for."""
    return computed(thing, fields, _columns(request))


def computed(thing: Any, fields: Fields, columns: Columns | None = None) -> dict[str, Any]:
    """The fields of a thing. columns: which of them; None: all."""
    if columns is None:
        return {name: value_of(thing) for name, value_of in fields.items()}
    return {name: only(within, fields[name](thing)) for name, within in columns.items() if name in fields}


def _columns(request: ApiRequest) -> Columns | None:
    named = request.query.get("columns")
    return read_columns(named) if named is not None else None


async def _sorted(request: ApiRequest, things: Sequence[Any], fields_of: FieldsOf, usual: Sequence[str]) -> list[Any]:
    asked = request.query.get("sort")
    by = [asked, *usual] if asked else usual
    paths = [[name for name in one.split(".") if name] for one in by]
    ranked: list[tuple[list[Rank], int]] = []
    for place, thing in enumerate(things):
        ranked.append(([_rank_at(thing, fields_of(thing), path) for path in paths], place))
        if place % _RANKS_PER_TURN == _RANKS_PER_TURN - 1:
            await asyncio.sleep(0)
    ranked.sort()
    in_order = [things[place] for _, place in ranked]
    if request.query.get("sort_reverse", "").lower() == "true":
        in_order.reverse()
    return in_order


def _rank_at(thing: Any, fields: Fields, path: list[str]) -> Rank:
    value_of = fields.get(path[0]) if path else None
    return rank(value_at(value_of(thing), path[1:]) if value_of is not None else 0)


async def _in_parts(things: Sequence[Any], fields_of: FieldsOf, columns: Columns | None) -> AsyncIterator[bytes]:
    before = b"["
    for place in range(0, len(things), _ITEMS_PER_TURN):
        items = [computed(thing, fields_of(thing), columns) for thing in things[place : place + _ITEMS_PER_TURN]]
        yield before + json_octets(items)[1:-1]
        before = b","
        await asyncio.sleep(0)
    yield b"]"
