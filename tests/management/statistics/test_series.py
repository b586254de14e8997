"""Samples in time: rates, and what is told of the past."""

import pytest

from amqpbroker.management.errors import BadRequest
from amqpbroker.management.statistics.series import LongSeries, Series, Span, details, read_span

LAST_MS = 1_795_420_715_000


def series(*values: int) -> Series:
    """Of one number, a sample every five seconds until LAST_MS."""
    made = Series(["ack"])
    for place, value in enumerate(values):
        made.add(LAST_MS - 5_000 * (len(values) - 1 - place), (value,))
    return made


def test_the_rate_is_of_the_last_interval() -> None:
    assert series(0, 265_474, 266_203).rate("ack") == 145.8
    assert series(10, 4).rate("ack") == -1.2
    assert series(10).rate("ack") == 0.0


def test_a_minute_is_remembered() -> None:
    made = series(*range(20))
    assert made.at("ack", LAST_MS) == 19
    assert made.at("ack", LAST_MS - 3_600_000) == 7


def test_it_is_flat_when_nothing_has_changed_for_a_minute() -> None:
    assert series(*[0] * 14).is_flat
    assert not series(*[0] * 12, 1).is_flat
    assert not series(*[0] * 12).is_flat


def test_what_is_kept_for_long_is_kept_a_sample_a_minute() -> None:
    made = LongSeries(["ack"])
    for second in range(0, 36_000, 5):
        made.add(second * 1_000, (second,))
    assert [made.at("ack", ago) for ago in (35_995_000, 35_400_000, 30_000_000, 7_200_000)] == [
        35_995,
        35_400,
        30_000,
        7_200,
    ]
    assert made.at("ack", 0) > 0


def test_the_past_is_told_as_it_is_recorded_of_rabbitmq() -> None:
    told = details([series(80, 116)], "ack", 116, Span(10, 5), LAST_MS)
    assert told == {
        "rate": 7.2,
        "samples": [
            {"sample": 116, "timestamp": LAST_MS},
            {"sample": 80, "timestamp": LAST_MS - 5_000},
            {"sample": 80, "timestamp": LAST_MS - 10_000},
        ],
        "avg_rate": 3.6,
        "avg": 92.0,
    }


def test_what_has_not_changed_was_always_so() -> None:
    assert details([], "ack", 7, None, LAST_MS) == {"rate": 0.0}
    assert details([], "ack", 7, Span(5, 5), LAST_MS)["avg"] == 7.0


def test_sums_are_told_like_single_numbers() -> None:
    told = details([series(0, 10), series(0, 40)], "ack", 50, Span(5, 5), LAST_MS)
    assert told["rate"] == 10.0
    assert [one["sample"] for one in told["samples"]] == [50, 0]


def test_a_span_is_read_from_the_query() -> None:
    assert read_span({"lengths_age": "60", "lengths_incr": "5"}, "lengths") == Span(60, 5)
    assert read_span({"lengths_age": "60"}, "lengths") is None


@pytest.mark.parametrize(("age", "step"), [("x", "5"), ("60", "0"), ("-1", "5"), ("1001", "1"), ("60", "")])
def test_a_span_that_makes_no_sense_is_refused(age: str, step: str) -> None:
    with pytest.raises(BadRequest, match="lengths_"):
        read_span({"lengths_age": age, "lengths_incr": step}, "lengths")
