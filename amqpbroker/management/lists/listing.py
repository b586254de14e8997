"""Lists as clients ask for them: sorted by any field, a page of them, some fields of each.

A kind of thing has a table of fields, each a function of the thing. So a list is sorted by one field without the
others being computed, and only what is on the page is computed in full. A long list is computed a part at a time, and
sent so: the broker has other things to do.

Source: RabbitMQ `rabbit_mgmt_util` (reply_list, augment_resources).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response, StreamingResponse

from amqpbroker.management.lists.columns import DETAILS, Columns, only, read_columns
from amqpbroker.management.lists.paging import read_page
from amqpbroker.management.lists.sorting import rank, value_at
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import json_octets, json_response

if TYPE_CHECKING:
    from amqpbroker.management.statistics.rates import Rates

# The fields of a thing, by name.
Fields = Mapping[str, Callable[[Any], Any]]
# Which fields a thing has.
FieldsOf = Callable[[Any], Fields]

# So many things are computed, or looked at for sorting, before others have their turn.
_ITEMS_PER_TURN: Final = 25
_KEYS_PER_TURN: Final = 1_000


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
    columns, rates = _columns(request), request.rates
    in_order = await _sorted(request, things, fields_of, sort)
    if page is not None:
        part, told = await page.of(in_order, lambda thing: str(fields_of(thing)["name"](thing)))
        items = []
        for place in range(0, len(part), _ITEMS_PER_TURN):
            turn = part[place : place + _ITEMS_PER_TURN]
            items += [computed(thing, fields_of(thing), columns, rates) for thing in turn]
            await asyncio.sleep(0)
        return json_response({**told, "items": items})
    if len(in_order) <= _ITEMS_PER_TURN:
        return json_response([computed(thing, fields_of(thing), columns, rates) for thing in in_order])
    headers = {"cache-control": "no-cache"}
    return StreamingResponse(_in_parts(in_order, fields_of, columns, rates), 200, headers, "application/json")


def item(request: ApiRequest, thing: Any, fields: Fields) -> dict[str, Any]:
    """One thing, as far as it is asked for."""
    return computed(thing, fields, _columns(request), request.rates)


def computed(thing: Any, fields: Fields, columns: Columns | None, rates: "Rates") -> dict[str, Any]:
    """The fields of a thing. columns: which of them; None: all."""
    if columns is None:
        return rates.put_into(thing, {name: value_of(thing) for name, value_of in fields.items()})
    # The number that a rate is of is looked at, too.
    needed = dict.fromkeys(one for name in columns for one in (name.removesuffix(DETAILS), name) if one in fields)
    told = rates.put_into(thing, {name: fields[name](thing) for name in needed})
    return {name: only(within, told[name]) for name, within in columns.items() if name in fields}


def _columns(request: ApiRequest) -> Columns | None:
    named = request.query.get("columns")
    return read_columns(named) if named is not None else None


async def _sorted(request: ApiRequest, things: Sequence[Any], fields_of: FieldsOf, usual: Sequence[str]) -> list[Any]:
    asked = request.query.get("sort")
    by = dict.fromkeys([asked, *usual] if asked else usual)
    paths = [[name for name in one.split(".") if name] for one in by]
    keys = [await _keys(things, fields_of, path, request.rates) for path in paths]
    in_order = [things[key[-1]] for key in sorted(zip(*keys, range(len(things)), strict=True))]
    if request.query.get("sort_reverse", "").lower() == "true":
        in_order.reverse()
    return in_order


async def _keys(things: Sequence[Any], fields_of: FieldsOf, path: list[str], rates: "Rates") -> list[Any]:
    """What things are sorted by: one field of each, ranked if not all of them are of one type."""
    if not path:
        return [0] * len(things)
    first, within = path[0], path[1:]
    keys: list[Any] = []
    for place in range(0, len(things), _KEYS_PER_TURN):
        for thing in things[place : place + _KEYS_PER_TURN]:
            if within:
                value = computed(thing, fields_of(thing), {first: None}, rates).get(first, 0)
                keys.append(value_at(value, within))
            else:
                value_of = fields_of(thing).get(first)
                keys.append(value_of(thing) if value_of is not None else 0)
        await asyncio.sleep(0)
    return keys if set(map(type, keys)) in ({str}, {int}, {float}, {bool}) else [rank(key) for key in keys]


async def _in_parts(
    things: Sequence[Any], fields_of: FieldsOf, columns: Columns | None, rates: "Rates"
) -> AsyncIterator[bytes]:
    before = b"["
    for place in range(0, len(things), _ITEMS_PER_TURN):
        turn = things[place : place + _ITEMS_PER_TURN]
        items = [computed(thing, fields_of(thing), columns, rates) for thing in turn]
        yield before + json_octets(items)[1:-1]
        before = b","
        await asyncio.sleep(0)
    yield b"]"
