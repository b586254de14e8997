"""Durations as people write them."""

from datetime import timedelta

import pytest

from amqpbroker.testing.durations import seconds_of


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("30m", 1800),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("2d 1h", 176_400),
        (3, 3),
        (timedelta(days=1), 86_400),
    ],
)
def test_they_are_read(duration, seconds):
    assert seconds_of(duration) == seconds


@pytest.mark.parametrize("duration", ["", "30", "m", "30m?", "-5s", -1, float("nan"), float("inf"), timedelta(-1)])
def test_what_is_none_is_refused(duration):
    with pytest.raises(ValueError, match="is no duration"):
        seconds_of(duration)
