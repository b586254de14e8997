"""The order of values of any type, which is Erlang's."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.management.lists.sorting import rank, value_at

ANY: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def test_numbers_stand_before_truths_and_texts_last() -> None:
    assert sorted(["b", True, 2, None, [], "a", 1.5], key=rank) == [1.5, 2, None, True, [], "a", "b"]


@given(st.lists(ANY))
def test_whatever_there_is_can_be_sorted(values: list[Any]) -> None:
    ranks = sorted(map(rank, values))
    assert len(ranks) == len(values)


def test_a_path_leads_into_tables() -> None:
    assert value_at({"a": {"b": 3}}, ["a", "b"]) == 3
    assert value_at({"a": {"b": 3}}, ["a", "c"]) == 0
    assert value_at("text", ["a"]) == 0
