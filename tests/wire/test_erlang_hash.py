"""Erlang's `phash2`, as Erlang/OTP 25 computes it."""

from typing import Any

import pytest

from amqpbroker.wire.erlang_hash import Atom, phash2, table_hash
from amqpbroker.wire.tables import Field, from_python

# erlang:phash2(Term, 1 bsl 32).
RECORDED: list[tuple[Any, int]] = [
    ([], 3468870702),
    (Atom("a"), 97),
    (Atom("long"), 472647),
    (b"", 147926629),
    (b"a", 1589197455),
    (b"abcdefghijklmnop", 3491374364),
    (1, 539485162),
    (-1, 1117813597),
    (134217727, 4273352567),
    (134217728, 2562491755),
    (-134217728, 874979335),
    (-134217729, 1418916782),
    (1 << 40, 282329375),
    (-(1 << 40), 2464100025),
    (1 << 63, 710941318),
    (-(1 << 63), 1736826119),
    (1.5, 2023646235),
    (0.0, 423528920),
    (-0.0, 423528920),
    (-2.25, 2254282282),
    ([1, 2, 3], 4186538188),
    ([1, 2, 3, 4, 5], 3824152778),
    ([1, Atom("a")], 1114307026),
    ((), 221703996),
    ((Atom("a"), Atom("b"), Atom("c")), 113425870),
    ([300, 1, 2], 2902664759),
    (list(b"abcdefg"), 716797499),
    ([b"a", b"b"], 3761191278),
    ((1, -1), 549789326),
    ([[], Atom("a"), []], 3479982985),
]


@pytest.mark.parametrize(("term", "expected"), RECORDED, ids=repr)
def test_a_term_has_erlangs_hash(term: Any, expected: int) -> None:
    assert phash2(term) == expected


def test_a_table_is_hashed_as_rabbitmq_holds_it() -> None:
    assert table_hash({"a": Field("l", 1)}) == 37137917
    assert table_hash(from_python({"x-match": "all", "kind": "a"}).value) == 2044289961


def test_tables_in_tables_and_every_other_type() -> None:
    inner = {"x": Field("t", True), "y": Field("V", None)}
    array = Field("A", [Field("I", 1), Field("d", 1.5)])
    assert table_hash({"t": Field("F", inner), "u": array}) == 4126192620
    assert phash2([(b"n", Atom("array"), []), (b"d", Atom("decimal"), (2, 314))]) == 1940483170


def test_the_order_of_the_fields_is_no_matter() -> None:
    one, other = Field("I", 1), Field("I", 2)
    assert table_hash({"a": one, "b": other}) == table_hash({"b": other, "a": one})
