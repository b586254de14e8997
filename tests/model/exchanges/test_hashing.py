"""Numbers made of octets: what they are is a promise, as messages stay where they were over versions of this broker."""

from collections import Counter

import pytest

from amqpbroker.model.exchanges.hashing import HASH_BITS, hash_of, mixed, octets_of
from amqpbroker.wire.tables import Field


def test_numbers_are_the_same_for_ever() -> None:
    assert hash_of(b"") == 0xE4A6A0577479B2B4
    assert hash_of(b"orders.1") == 0xCC7D918D9366F3DF
    assert mixed(1, 2) == 0x1E535EEDE31428F0


def test_numbers_are_evenly_spread() -> None:
    counts = Counter(hash_of(str(number).encode()) >> (HASH_BITS - 3) for number in range(8_000))
    assert len(counts) == 8
    assert all(850 < count < 1_150 for count in counts.values())


def test_neighbours_win_alike() -> None:
    # The names' hashes differ in a few bits only: a weak mixture would favour one of them.
    seeds = (0, 1, 2, 3)
    counts = Counter(max(seeds, key=lambda seed: mixed(message, seed)) for message in range(8_000))
    assert all(1_850 < count < 2_150 for count in counts.values())


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (Field("S", b"7"), Field("x", b"7"), True),
        (Field("I", 7), Field("l", 7), True),
        (Field("I", 7), Field("I", 8), False),
        (Field("F", {"a": Field("I", 1)}), Field("F", {"a": Field("I", 1)}), True),
        (Field("A", [Field("S", b"a")]), Field("A", [Field("S", b"b")]), False),
        (Field("V", None), Field("t", False), False),
    ],
)
def test_equal_values_have_equal_octets(one: Field, other: Field, equal: bool) -> None:
    assert (octets_of(one) == octets_of(other)) is equal


def test_names_that_are_no_utf_8_have_octets_too() -> None:
    assert octets_of(Field("F", {"\udcff": Field("I", 1)}))
