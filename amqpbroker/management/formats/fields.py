"""What stands in a body: names, texts, tables, each looked at before anything is done with it.

A value of another type than it has to be gets 400, with its place and with what it is.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from amqpbroker.limits import ARGUMENTS_MAX_BYTES, NAME_MAX_BYTES, TABLE_DEPTH_MAX
from amqpbroker.management.errors import BadRequest
from amqpbroker.management.formats.field_tables import amqp_table
from amqpbroker.management.requests import depth
from amqpbroker.wire.tables import Table, TableError, encode_table

# So much of a value is shown in a refusal.
_SHOWN_MAX: Final = 100


def short_string(value: Any, name: str) -> str:
    """A name or a routing key: a text of at most 255 octets. Raises 400."""
    content = text(value, name)
    size_bytes = len(content.encode("utf-8", "surrogateescape"))
    if size_bytes > NAME_MAX_BYTES:
        raise BadRequest(f"{name} should be less than {NAME_MAX_BYTES} bytes, actually was {size_bytes}")
    return content


def text(value: Any, name: str) -> str:
    """A text. Raises 400."""
    if not isinstance(value, str):
        raise BadRequest(f"{name}: {shown(value)} is not a string")
    return value


def json_object(value: Any, name: str) -> dict[str, Any]:
    """An object, or an empty list, which is how PHP and Erlang have an empty object. Raises 400."""
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"{name}: {shown(value)} is not an object")
    return value


def names(value: Any, name: str) -> list[str]:
    """Names: a list of them, or a text with commas between them. Raises 400."""
    items: Iterable[Any]
    if isinstance(value, str):
        items = value.split(",")
    elif isinstance(value, list):
        items = value
    else:
        raise BadRequest(f"{name}: {shown(value)} is neither a list of strings nor a string")
    found = (short_string(item, name).strip() for item in items)
    return [item for item in found if item]


def table(values: Mapping[str, Any], name: str) -> Table:
    """The field table that an object stands for; no larger and no deeper than a client may send one. Raises 400."""
    if depth(values) > TABLE_DEPTH_MAX:
        raise BadRequest(f"{name}: more than {TABLE_DEPTH_MAX} lists and objects within each other")
    fields = amqp_table(values)
    try:
        size_bytes = len(encode_table(fields))
    except TableError as error:
        raise BadRequest(f"{name}: {error}") from error
    if size_bytes > ARGUMENTS_MAX_BYTES:
        raise BadRequest(f"{name}: {size_bytes} bytes are over {ARGUMENTS_MAX_BYTES}")
    return fields


def shown(value: Any) -> str:
    """A value as a refusal shows it: not all of it, if it is long."""
    words = repr(value)
    return words if len(words) <= _SHOWN_MAX else f"{words[:_SHOWN_MAX]}..."
