"""docs/journal.md says what stands on disk and who writes it: its tables, example and flows are the sources'."""

import ast
import re
import struct
from functools import cache
from pathlib import Path

import pytest

from amqpbroker.journal import format, manifest
from amqpbroker.journal.format import MessageId, SegmentHeader
from amqpbroker.journal.manifest import SegmentEntry

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "journal.md").read_text(encoding="utf-8")

TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
ROW = re.compile(r"^\| (\d+) \| (\d+) \|", re.MULTILINE)
KIND = re.compile(r"^\| (\d+) \| ([A-Z]+) \|", re.MULTILINE)
OCTETS = re.compile(r"^([0-9a-f]{4})  ((?:[0-9a-f]{2} )+)", re.MULTILINE)
STEP = re.compile(r"^[ │├└]*([\w.]+) {2,}(\w+/[\w/]+\.py)", re.MULTILINE)

SALT = 0x0123456789ABCDEF
QUEUE = 3 << 32 | 1


def table_of(name: str) -> list[tuple[int, int]]:
    """(offset, octets) of the fields in the first table after a struct's name, but for the names' own in between."""
    after = PAGE[PAGE.index(f"`{name}`") :]
    tables = [ROW.findall(table) for table in TABLE.findall(after) if ROW.search(table)]
    # ACK has two: of the record and of each run in it.
    table = tables[1] if name == "_RUN" else tables[0]
    return [(int(offset), int(size)) for offset, size in table]


def fields(layout: struct.Struct) -> list[tuple[int, int]]:
    """(offset, octets) of the fields of a struct."""
    found = []
    at = 0
    for code in re.findall(r"\d*[a-zA-Z]", layout.format):
        size = struct.calcsize(f">{code}")
        found.append((at, size))
        at += size
    return found


@pytest.mark.parametrize(
    "name",
    [
        "_SEGMENT_HEADER",
        "_FRAME",
        "_RECORD",
        "_PUBLISH",
        "_QUEUE",
        "_TIMED_QUEUE",
        "_UNIFORM",
        "_VARIED",
        "_RUNS",
        "_RUN",
        "_MARK",
    ],
)
def test_a_table_of_octets_is_the_struct(name: str) -> None:
    assert table_of(name) == fields(getattr(format, name))


def test_the_kinds_of_records_are_named() -> None:
    kinds = {int(number): name for number, name in KIND.findall(PAGE)}
    assert kinds == {getattr(format, name): name for name in ("PUBLISH", "ACK", "DEFINE", "MARK", "SEAL", "TIMED")}


def test_the_page_is_of_this_version() -> None:
    said = re.search(r"It describes version (\d+) of the format", PAGE)
    assert said is not None
    assert int(said[1]) == format.VERSION == manifest.VERSION


def example() -> bytes:
    """The segment of the example: a message and an acknowledgement in one commit."""
    header = bytes.fromhex("003c 0000 0000000000000005 1000 02")
    message = b"\0\5tasks", header, b"hello", 1
    pieces, _ = format.encode_publish(MessageId(3, 42, 0), [(QUEUE, 5)], [message])
    payload = b"".join(pieces) + format.encode_ack(QUEUE, [(1, 3)])
    frame = format.encode_frame(SALT, format.BLOCK_BYTES, 42, 3, 2, payload)
    return format.encode_segment_header(SegmentHeader(3, 7, SALT)) + b"".join(frame)


def test_the_example_is_what_is_written() -> None:
    segment = example()
    shown = bytearray(len(segment))
    for offset, octets in OCTETS.findall(PAGE):
        part = bytes.fromhex(octets)
        shown[int(offset, 16) : int(offset, 16) + len(part)] = part
    assert shown == segment


def test_the_manifest_shown_is_one() -> None:
    found = re.search(r"```\n(amqpbroker-journal .*\n.*\n)```", PAGE)
    assert found is not None
    octets = found[1].encode()
    shown = manifest.decode(octets)
    assert shown.segments[1] == SegmentEntry(7, 3, SALT, 16_777_216)
    assert shown.encode() == octets


@cache
def defined_in(file: str) -> set[str]:
    """The functions of a file of the package, those of a class behind its name."""
    found = set()
    for node in ast.parse((ROOT / "amqpbroker" / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            inside = [part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
            found |= {f"{node.name}.{name}" for name in inside}
    return found


def test_every_step_of_the_flows_is_where_it_is_said_to_be() -> None:
    steps = STEP.findall(PAGE)
    assert ("Writer.commit_once", "journal/writer.py") in steps
    assert [(name, file) for name, file in steps if name not in defined_in(file)] == []
