"""What nobody is to read in a recording: bodies and headers, in whose place something of the same length stands."""

from collections.abc import Collection
from dataclasses import replace

from amqpbroker.testing.recording.lines import Published
from amqpbroker.wire.tables import Field, Table


def scrubbed(line: Published, *, body: bool, headers: Collection[str]) -> Published:
    """A message with x for each octet of its body, if that is wanted, and of these headers; numbers are 0.

    Nothing of what was there can be guessed but its length, and the same run gives the same file.
    """
    found = line.properties.headers
    if body:
        line = replace(line, body=b"x" * len(line.body))
    if found is not None and not found.keys().isdisjoint(headers):
        table: Table = {name: _blank(field) if name in headers else field for name, field in found.items()}
        line = replace(line, properties=replace(line.properties, headers=table))
    return line


def _blank(field: Field) -> Field:
    kind, value = field
    match kind:
        case "S" | "x":
            return Field(kind, b"x" * len(value))
        case "F":
            return Field(kind, {name: _blank(item) for name, item in value.items()})
        case "A":
            return Field(kind, [_blank(item) for item in value])
        case "V":
            return field
        case "D":
            return Field(kind, (value[0], 0))
        case _:
            return Field(kind, type(value)(0))
