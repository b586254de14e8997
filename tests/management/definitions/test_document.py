"""A document of definitions: what it may be, and how the place of a fault is told."""

from collections.abc import Callable
from typing import Any

import pytest

from amqpbroker.management.definitions.document import DefinitionsError, Entry, entries, read_document
from amqpbroker.wire.tables import Field


def fault(read: Callable[[], object]) -> str:
    with pytest.raises(DefinitionsError) as raised:
        read()
    return raised.value.reason


@pytest.mark.parametrize(
    ("octets", "document"),
    [(b"", {}), (b" \n", {}), (b'\xef\xbb\xbf{"users": []}', {"users": []}), (b'{"a": 1}', {"a": 1})],
)
def test_a_document_is_an_object_of_json_or_nothing(octets: bytes, document: dict[str, Any]):
    assert read_document(octets) == document


@pytest.mark.parametrize("octets", [b"[]", b"5", b"{", b"\xff", b"[" * 100_000, b'{"a": NaN}'])
def test_what_is_none_is_refused(octets: bytes):
    assert fault(lambda: read_document(octets)).startswith(("is not JSON: ", "is not a JSON object"))


def test_objects_have_paths():
    document = {"queues": [{"name": "a"}, {"name": "b"}], "users": None}
    assert [entry.path for entry in entries(document, "queues", "file: ")] == ["file: queues[0]", "file: queues[1]"]
    assert list(entries(document, "users")) == list(entries(document, "vhosts")) == []
    assert fault(lambda: list(entries({"queues": {}}, "queues"))) == "queues: is not a list"
    assert fault(lambda: list(entries({"queues": [{}, "a"]}, "queues"))) == "queues[1]: is not an object"


@pytest.mark.parametrize(
    ("values", "read", "text"),
    [
        ({}, lambda entry: entry.name(), "queues[0].name: is missing"),
        ({"name": None}, lambda entry: entry.name(), "queues[0].name: null is not a text"),
        ({"name": ["a" * 99]}, lambda entry: entry.name(), f'queues[0].name: ["{"a" * 55}... is not a text'),
        ({"name": "ü" * 128}, lambda entry: entry.name(), "queues[0].name: is longer than 255 octets"),
        ({"password": 5}, lambda entry: entry.text("password"), "queues[0].password: the value is not a text"),
        ({"durable": "yes"}, lambda entry: entry.flag("durable", True), 'queues[0].durable: "yes" is neither true'),
        ({"tags": [5]}, lambda entry: entry.texts("tags"), "queues[0].tags: [5] is not a list of texts"),
        ({"limits": 5}, lambda entry: entry.object("limits"), "queues[0].limits: 5 is not an object"),
        ({"arguments": "x"}, lambda entry: entry.table(), 'queues[0].arguments: "x" is not an object'),
        ({"arguments": {"a": None}}, lambda entry: entry.table(), "queues[0].arguments.a: null_not_allowed"),
        ({"arguments": {"a": 1 << 63}}, lambda entry: entry.table(), "queues[0].arguments.a: 9223372036854775808 has"),
        ({"arguments": {"a" * 256: 1}}, lambda entry: entry.table(), "queues[0].arguments: no table can hold this"),
    ],
)
def test_a_wrong_value_is_named_with_its_path(values: dict[str, Any], read: Callable[[Entry], object], text: str):
    assert fault(lambda: read(Entry("queues[0]", values))).startswith(text)


def test_tables_within_each_other_go_as_deep_as_amqp_has_them():
    deep: dict[str, Any] = {}
    for _ in range(70):
        deep = {"a": deep}
    assert "no table can hold this" in fault(lambda: Entry("queues[0]", {"arguments": deep}).table())


def test_what_is_left_out_is_as_usual():
    entry = Entry("queues[0]", {"arguments": [], "tags": " a, b ,", "durable": False})
    assert (entry.table(), entry.texts("tags"), entry.flag("durable", True)) == ({}, ("a", "b"), False)
    assert (entry.flag("auto_delete", False), entry.text("type", "direct")) == (False, "direct")


def test_whole_numbers_are_longs():
    assert Entry("queues[0]", {"arguments": {"x-max-length": 5}}).table() == {"x-max-length": Field("l", 5)}
