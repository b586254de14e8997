"""Erlang's formulas give the published tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.capacity.models.erlang import erlang_b, erlang_c


# The tables of Erlang B tell, to three digits, with how many erlangs so many lines lose one call of a hundred, or of
# ten: Siemens 1970, Telephone Traffic Theory: Tables and Charts; Cooper 1981, appendix A.
@pytest.mark.parametrize(
    ("consumers", "blocked", "offered", "digit"),
    [
        (1, 0.01, 0.0101, 1e-4),
        (2, 0.01, 0.153, 1e-3),
        (5, 0.01, 1.36, 0.01),
        (10, 0.01, 4.46, 0.01),
        (20, 0.01, 12.0, 0.1),
        (50, 0.01, 37.9, 0.1),
        (100, 0.01, 84.1, 0.1),
        (1, 0.1, 0.111, 1e-3),
        (10, 0.1, 7.51, 0.01),
        (50, 0.1, 49.6, 0.1),
    ],
)
def test_erlang_b_is_that_of_the_tables(consumers, blocked, offered, digit):
    assert erlang_b(offered - digit / 2, consumers) < blocked < erlang_b(offered + digit / 2, consumers)


@pytest.mark.parametrize(
    ("consumers", "offered", "waiting"),
    [
        (1, 0.5, 0.5),  # ρ
        (2, 1.0, 1 / 3),  # 2ρ²/(1 + ρ)
        (3, 2.0, 4 / 9),  # Gross et al. 2008, example 2.3: ρ = 2/3, three servers
        (4, 3.0, 0.5094),  # Kleinrock 1975, figure of Erlang C
    ],
)
def test_erlang_c_is_that_of_the_textbooks(consumers, offered, waiting):
    assert erlang_c(offered, consumers) == pytest.approx(waiting, abs=5e-5)


@given(st.floats(1e-6, 1e4), st.integers(1, 2_000))
def test_chances_are_chances_and_waiting_is_likelier_than_losing(offered, consumers):
    blocked = erlang_b(offered, consumers)
    assert 0 <= blocked < 1
    if offered < consumers * 0.999_999:
        assert blocked <= erlang_c(offered, consumers) <= 1


@pytest.mark.parametrize("consumers", [20_000, 100_000])
def test_many_consumers_neither_overflow_nor_vanish(consumers):
    assert 0.3 < erlang_c(consumers - consumers**0.5 * 0.8, consumers) < 0.4
