"""Segments of a stream: where they begin, and which of them may go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.queues.stream_segments import SEGMENT_BYTES, Segments, age_ms


def segments_of(*sizes: int, segment_bytes: int = 10) -> Segments:
    """A run of one message for each size, one second apart, from second 1 on."""
    segments = Segments(segment_bytes)
    for place, size in enumerate(sizes):
        segments.add(place + 1, 1, size, 1_000 * (place + 1))
    return segments


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("2m", 120), ("3h", 10_800), ("1D", 86_400), ("1M", 2_592_000), ("1Y", 31_536_000), ("007s", 7)],
)
def test_an_age_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert age_ms(text) == 1_000 * seconds


@pytest.mark.parametrize("text", ["", "s", "1", "1d", "1 s", "-1s", "1sx"])
def test_anything_else_is_no_age(text: str) -> None:
    with pytest.raises(ValueError, match="is no age"):
        age_ms(text)


def test_a_segment_is_begun_behind_one_that_is_full() -> None:
    segments = Segments(10)
    assert [segments.add(first, 1, 4, 0) for first in range(1, 8)] == [False, False, False, True, False, False, True]


def test_many_messages_fill_a_segment_too() -> None:
    segments = Segments(None)
    assert [segments.add(1, 256_000, 1, 0), segments.add(256_001, 1, 1, 0)] == [False, True]


def test_a_segment_has_500_mb_unless_it_is_said() -> None:
    assert (Segments(None).segment_bytes, Segments(7).segment_bytes) == (SEGMENT_BYTES, 7) == (500_000_000, 7)


@pytest.mark.parametrize(("max_bytes", "first"), [(0, 4), (10, 4), (20, 3), (39, 2), (40, 1), (1_000, 1)])
def test_the_newest_segments_that_fit_stay_and_the_last_in_any_case(max_bytes: int, first: int) -> None:
    assert segments_of(10, 10, 10, 10).let_go(max_bytes, None, 0) == first


@pytest.mark.parametrize(("age", "first"), [(100_000, 1), (3_000, 1), (2_999, 2), (1_000, 3), (500, 4), (0, 4)])
def test_a_segment_goes_when_its_last_message_is_too_old_but_not_the_last_one(age: int, first: int) -> None:
    assert segments_of(10, 10, 10, 10).let_go(None, age, 4_000) == first


def test_both_limits_hold() -> None:
    assert segments_of(10, 10, 10, 10).let_go(30, 1_500, 4_000) == 3
    assert segments_of(10, 10, 10, 10).let_go(20, 100_000, 4_000) == 3


def test_an_empty_stream_has_nothing_to_let_go() -> None:
    assert Segments(None).let_go(0, 0, 0) is None


def test_there_are_never_very_many_segments() -> None:
    segments = segments_of(*[10] * 5_000)
    assert segments.size_bytes == 50_000
    assert segments.let_go(25_000, None, 0) in range(2_400, 2_700)


@given(st.lists(st.integers(10, 30), min_size=1, max_size=20), st.integers(0, 200))
def test_what_stays_fits_and_one_segment_more_would_not(sizes: list[int], max_bytes: int) -> None:
    segments = segments_of(*sizes)
    first = segments.let_go(max_bytes, None, 0)
    assert first is not None
    kept_bytes = sum(sizes[first - 1 :])
    assert segments.size_bytes == kept_bytes
    assert kept_bytes <= max_bytes or first == len(sizes)
    assert first == 1 or kept_bytes + sizes[first - 2] > max_bytes
