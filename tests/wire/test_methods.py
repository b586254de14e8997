"""Methods: octets to arguments and back, and the faults."""

import ast
from pathlib import Path
from typing import Any
from unittest import mock

import pamqp.base
import pamqp.commands
import pamqp.frame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpbroker.wire import methods
from amqpbroker.wire.methods import (
    METHODS,
    Access,
    Basic,
    Channel,
    Connection,
    MalformedMethod,
    MalformedText,
    Method,
    MethodError,
    NoMethod,
    Queue,
    Tx,
    UnknownMethod,
    decode,
    encode,
    encode_frame,
    method_name,
)
from amqpbroker.wire.tables import Field, TableError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
TABLES = st.dictionaries(st.text("xyz-", max_size=9), st.builds(Field, st.just("S"), st.binary(max_size=9)), max_size=3)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bit": st.booleans(),
    "octet": st.integers(0, 255),
    "short": st.integers(0, (1 << 16) - 1),
    "long": st.integers(0, (1 << 32) - 1),
    "longlong": st.integers(0, (1 << 64) - 1),
    "shortstr": TEXT,
    "longstr": st.binary(max_size=300),
    "table": TABLES,
}
PYTHON_TYPES = {"bit": "bool", "shortstr": "str", "longstr": "bytes", "table": "Table"}
BY_PAMQP = sorted((command.index >> 16, command.index & 0xFFFF) for command in pamqp.commands.INDEX_MAPPING.values())


def arguments(made: type[Method]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({name: VALUES[kind] for name, kind in made.fields})


ALL_METHODS = st.sampled_from(sorted(METHODS)).flatmap(
    lambda method_id: arguments(METHODS[method_id]).map(lambda values: METHODS[method_id](**values))
)


@settings(max_examples=300)
@given(ALL_METHODS)
def test_a_method_comes_back_as_it_was(method: Method) -> None:
    payload = encode(method)
    again = decode(payload)
    assert again == method
    assert type(again) is type(method)
    assert encode(again) == payload


def as_pamqp_has_it(kind: str, value: Any) -> Any:
    """pamqp takes and gives text where it can, in tables too."""
    if kind == "table":
        return {name: as_pamqp_has_it("longstr", field.value) for name, field in value.items()}
    return value.decode("latin-1") if kind == "longstr" else value


ASCII = st.binary(max_size=20).map(lambda octets: bytes(octet & 0x7F for octet in octets))
FOR_PAMQP = VALUES | {
    "longlong": st.integers(0, (1 << 63) - 1),  # pamqp takes it for signed
    "longstr": ASCII,
    "table": st.dictionaries(st.text("xyz-", max_size=9), st.builds(Field, st.just("S"), ASCII), max_size=3).map(
        lambda table: dict(sorted(table.items()))  # as pamqp writes it
    ),
}


@pytest.mark.filterwarnings("ignore:This command is deprecated")  # basic.recover-async, which pamqp reads all the same
@settings(max_examples=200)
@given(st.data(), st.sampled_from(BY_PAMQP))
def test_a_frame_is_the_one_pamqp_writes_and_reads(data: st.DataObject, method_id: tuple[int, int]) -> None:
    made = METHODS[method_id]
    values = data.draw(st.fixed_dictionaries({name: FOR_PAMQP[kind] for name, kind in made.fields}))
    frame = encode_frame(7, made(**values))
    size, channel, read = pamqp.frame.unmarshal(frame)
    assert (size, channel, read.name) == (len(frame), 7, made.name)
    assert isinstance(read, pamqp.base.Frame)
    assert dict(read) == {name: as_pamqp_has_it(kind, values[name]) for name, kind in made.fields}
    with mock.patch.object(type(read), "validate", return_value=None):
        assert pamqp.frame.marshal(read, 7) == frame


@given(ALL_METHODS)
def test_arguments_cut_short_are_malformed(method: Method) -> None:
    payload = encode(method)
    for size in range(4, len(payload)):
        with pytest.raises(MalformedMethod) as fault:
            decode(payload[:size])
        assert fault.value.method_id == method.id


@given(ALL_METHODS, st.binary(min_size=1, max_size=9))
def test_octets_after_the_last_argument_are_malformed(method: Method, octets: bytes) -> None:
    with pytest.raises(MalformedMethod):
        decode(encode(method) + octets)


@given(st.sampled_from(sorted(METHODS)), st.binary(max_size=40))
def test_octets_of_any_kind_are_a_method_or_a_fault(method_id: tuple[int, int], octets: bytes) -> None:
    payload = METHODS[method_id].id[0].to_bytes(2) + method_id[1].to_bytes(2) + octets
    try:
        method = decode(payload)
    except (MethodError, TableError):
        return
    assert decode(encode(method)) == method


@pytest.mark.parametrize("size", range(4))
def test_a_payload_without_ids_is_no_method(size: int) -> None:
    with pytest.raises(NoMethod):
        decode(encode(Tx.Select())[:size])


@pytest.mark.parametrize("method_id", [(50, 99), (99, 10), (0, 0), (60, 41)])
def test_ids_that_no_method_has_are_unknown(method_id: tuple[int, int]) -> None:
    with pytest.raises(UnknownMethod) as fault:
        decode(bytes((0, method_id[0], 0, method_id[1])))
    assert fault.value.method_id == method_id


def test_a_malformed_method_shows_its_arguments_as_rabbitmq_does() -> None:
    with pytest.raises(MalformedMethod) as fault:
        decode(b"\x00\x32\x00\x0a\x00\x00\x05ab")
    assert fault.value.method_id == (50, 10)
    assert fault.value.explanation == "cannot decode <<0,0,5,97,98>>"


def test_what_is_shown_of_malformed_arguments_is_bounded() -> None:
    with pytest.raises(MalformedMethod) as fault:
        decode(b"\x00\x32\x00\x0a" + bytes(100_000))
    assert 255 < len(fault.value.explanation) < 1_100


def test_a_name_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(MalformedText, match=r"queue\.declare: Malformed UTF-8 in shortstr") as fault:
        decode(encode(Queue.Declare(queue="\udcff")))
    assert fault.value.method_id == (50, 10)


def test_the_names_of_a_publish_may_be_any_octets() -> None:
    method = Basic.Publish(exchange="\udcff", routing_key="\udcfe")
    assert decode(encode(method)) == method


def test_the_first_fault_is_the_one_rabbitmq_finds() -> None:
    bad_name_and_table = encode(Queue.Declare(queue="\udcff", arguments={"k": Field("V", None)})).replace(b"kV", b"kU")
    with pytest.raises(MalformedText):
        decode(bad_name_and_table)
    with pytest.raises(MalformedMethod):
        decode(bad_name_and_table + b"x")


def test_a_bad_table_is_a_fault_of_the_table() -> None:
    with pytest.raises(TableError, match="type octet 85"):
        decode(encode(Queue.Declare(arguments={"k": Field("V", None)})).replace(b"kV", b"kU"))


@pytest.mark.parametrize("name", ["a=b$(", "ä|?", "amq.rabbitmq.reply-to.g1h2AA==.x", "n" * 255])
def test_a_queue_may_have_any_name_of_255_octets(name: str) -> None:
    method = decode(encode(Queue.DeclareOk(queue=name)))
    assert isinstance(method, Queue.DeclareOk)
    assert method.queue == name


def test_a_name_of_256_octets_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="256 octets"):
        encode(Queue.DeclareOk(queue="n" * 256))


def test_nine_bits_would_take_two_octets() -> None:
    assert methods._encode_bits([True, False, True, False, False, False, False, True, True]) == b"\x85\x01"


def test_a_ticket_is_asked_for_and_given() -> None:
    request = Access.Request(realm="/data", passive=True, write=True)
    assert encode(request) == b"\x00\x1e\x00\x0a\x05/data\x0a"
    assert encode(Access.RequestOk(ticket=1)) == b"\x00\x1e\x00\x0b\x00\x01"


def test_an_argument_left_out_is_nought() -> None:
    assert encode(Channel.OpenOk()) == b"\x00\x14\x00\x0b\x00\x00\x00\x00"
    assert Queue.Declare().arguments == {}
    assert Queue.Declare().arguments is not Queue.Declare().arguments


def test_an_argument_that_the_method_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Queue\.BindOk has no argument queue"):
        METHODS[50, 21](queue="x")


def test_a_method_shows_no_secret() -> None:
    assert "hidden" not in repr(Connection.StartOk(mechanism="PLAIN", response=b"\0guest\0hidden"))
    assert repr(Basic.Ack(delivery_tag=3)) == "Basic.Ack(delivery_tag=3, multiple=False)"


def test_a_method_without_arguments_is_true() -> None:
    assert Queue.BindOk()


def test_methods_are_equal_by_kind_and_arguments() -> None:
    assert Queue.BindOk() != Queue.UnbindOk()
    assert Basic.Ack(delivery_tag=1) != Basic.Ack(delivery_tag=2)
    assert Basic.Ack(delivery_tag=1) == Basic.Ack(delivery_tag=1)


@pytest.mark.parametrize(
    ("method_id", "name"),
    [
        ((50, 10), "queue.declare"),
        ((50, 11), "queue.declare_ok"),
        ((60, 72), "basic.get_empty"),
        ((60, 100), "basic.recover_async"),
        ((10, 71), "connection.update_secret_ok"),
        ((30, 10), "access.request"),
        ((60, 202), "basic.credit_drained"),
        ((0, 0), "none"),
    ],
)
def test_a_method_has_rabbitmqs_name(method_id: tuple[int, int], name: str) -> None:
    assert method_name(*method_id) == name


def test_the_type_checker_is_told_of_every_method_and_argument() -> None:
    stub = ast.parse(Path(methods.__file__).with_name("commands.pyi").read_text("utf-8"))
    told = {
        f"{group.name}.{method.name}": [
            (line.target.id, line.annotation.id)
            for line in method.body
            if isinstance(line, ast.AnnAssign)
            and isinstance(line.target, ast.Name)
            and isinstance(line.annotation, ast.Name)
        ]
        for group in stub.body
        if isinstance(group, ast.ClassDef) and not group.name.startswith("_")
        for method in group.body
        if isinstance(method, ast.ClassDef)
    }
    assert told == {
        made.name: [(argument, PYTHON_TYPES.get(kind, "int")) for argument, kind in made.fields]
        for made in METHODS.values()
    }
