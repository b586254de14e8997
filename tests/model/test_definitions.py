"""Definitions as plain values: what goes into JSON comes back as it was."""

import json
import struct
from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.definitions import (
    binding_name,
    binding_of,
    exchange_content,
    parameter_name,
    policy_content,
    policy_of,
    queue_content,
    table_from_json,
    table_to_json,
)
from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.model.policies.policy import Policy
from amqpbroker.model.ports import QueueJournal
from amqpbroker.model.queue import Queue
from amqpbroker.wire.tables import Field, Table, from_python

NAMES = st.binary(max_size=20).map(lambda octets: octets.decode("utf-8", "surrogateescape"))
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def single(value: float) -> float:
    """As four octets hold it."""
    return struct.unpack(">f", struct.pack(">f", value))[0]


SCALARS = st.one_of(
    st.builds(Field, st.just("t"), st.booleans()),
    st.builds(Field, st.just("b"), st.integers(-128, 127)),
    st.builds(Field, st.just("B"), st.integers(0, 255)),
    st.builds(Field, st.just("s"), st.integers(-(1 << 15), (1 << 15) - 1)),
    st.builds(Field, st.just("u"), st.integers(0, (1 << 16) - 1)),
    st.builds(Field, st.just("I"), st.integers(-(1 << 31), (1 << 31) - 1)),
    st.builds(Field, st.just("i"), st.integers(0, (1 << 32) - 1)),
    st.builds(Field, st.sampled_from("lL"), st.integers(-(1 << 63), (1 << 63) - 1)),
    st.builds(Field, st.just("f"), st.floats(-1e30, 1e30).map(single)),
    st.builds(Field, st.just("d"), FLOATS),
    st.builds(Field, st.just("D"), st.tuples(st.integers(0, 255), st.integers(0, (1 << 32) - 1))),
    st.builds(Field, st.sampled_from("Sx"), st.binary(max_size=30)),
    st.builds(Field, st.just("T"), st.integers(0, (1 << 64) - 1)),
    st.just(Field("V", None)),
)
FIELDS = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(Field, st.just("A"), st.lists(inner, max_size=4)),
        st.builds(Field, st.just("F"), st.dictionaries(NAMES, inner, max_size=4)),
    ),
    max_leaves=12,
)
TABLES = st.dictionaries(NAMES, FIELDS, max_size=5)


def through_json(table: Table) -> Table:
    return table_from_json(json.loads(json.dumps(table_to_json(table))))


@given(TABLES)
def test_a_table_comes_back_with_every_type_and_octet(table: Table) -> None:
    back = through_json(table)
    assert back == table
    assert repr(back) == repr(table)  # 1, 1.0 and True are equal, -0.0 and 0.0 too


def test_octets_that_are_no_text_come_back() -> None:
    table = {"\udcff": Field("S", b"\xff\x00\xc3"), "x": Field("x", bytes(range(256)))}
    assert through_json(table) == table


@given(NAMES, st.sampled_from(["queue", "exchange"]), NAMES, NAMES, TABLES)
def test_a_binding_is_in_its_name(source: str, kind: str, name: str, key: str, arguments: Table) -> None:
    binding = Binding(source, Destination(kind, name), key, arguments)
    assert binding_of(json.loads(json.dumps(binding_name(binding)))) == binding


@given(
    st.lists(st.tuples(NAMES, SCALARS), unique_by=lambda pair: pair[0], max_size=5), st.randoms(use_true_random=False)
)
def test_the_same_binding_has_one_name_whatever_the_order_of_its_arguments(pairs, random) -> None:
    shuffled = random.sample(pairs, len(pairs))
    one, other = (Binding("logs", Destination("queue", "tasks"), "", dict(some)) for some in (pairs, shuffled))
    assert binding_name(one) == binding_name(other)


def test_other_types_are_other_bindings() -> None:
    numbers = [Field("b", 1), Field("l", 1), Field("t", True), Field("d", 1.0)]
    names = {binding_name(Binding("logs", Destination("queue", "tasks"), "", {"x": one})) for one in numbers}
    assert len(names) == len(numbers)


def test_a_queue_is_its_number_and_what_it_was_declared_with() -> None:
    arguments = from_python({"x-queue-type": "classic"}).value
    queue = Queue("tasks", durable=True, auto_delete=True, arguments=arguments)
    queue.log = cast(QueueJournal, SimpleNamespace(id=7))
    content = queue_content(queue)
    assert content == {"id": 7, "auto_delete": True, "arguments": {"x-queue-type": ["S", "classic"]}}
    assert table_from_json(content["arguments"]) == arguments


def test_an_exchange_is_all_but_its_name() -> None:
    arguments = from_python({"alternate-exchange": "others"}).value
    exchange = EXCHANGE_TYPES["topic"]("logs", True, True, True, arguments)
    assert exchange_content(exchange) == {
        "type": "topic",
        "auto_delete": True,
        "internal": True,
        "arguments": {"alternate-exchange": ["S", "others"]},
    }


PRIORITIES = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))


@given(NAMES, NAMES, PRIORITIES)
def test_a_policy_comes_back(vhost: str, name: str, priority: float) -> None:
    definition = {"max-length": 10**30, "dead-letter-exchange": "größe", "ha-params": ["a", "b"]}
    policy = Policy(vhost, name, "^tasks", "queues", definition, priority)
    content = json.loads(json.dumps(policy_content(policy)))
    assert policy_of(vhost, name, content) == policy


def test_a_policy_is_all_but_its_name_under_rabbitmq_s_names() -> None:
    policy = Policy("/", "short", "^tasks", "queues", {"max-length": 1}, 2)
    assert policy_content(policy) == {
        "pattern": "^tasks",
        "apply-to": "queues",
        "definition": {"max-length": 1},
        "priority": 2,
    }


@given(st.lists(st.tuples(NAMES, NAMES), unique=True, max_size=5))
def test_no_two_parameters_have_one_name(pairs: list[tuple[str, str]]) -> None:
    assert len({parameter_name(*pair) for pair in pairs}) == len(pairs)
