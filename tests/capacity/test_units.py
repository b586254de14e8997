"""Rates and times: what a person writes is read, what is none is refused in words, what is shown is read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.units import parse_duration_s, parse_rate_per_s, show_duration, show_rate


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("20ms", 0.02), (" 1.5 min ", 90), ("2h", 7200), ("30d", 2_592_000), (".5s", 0.5), ("3us", 3e-6)],
)
def test_times_are_read(text, seconds):
    assert parse_duration_s(text, "--service") == pytest.approx(seconds)


@pytest.mark.parametrize(("text", "per_s"), [("8/s", 8), ("480/min", 8), ("1e3 / h", 1 / 3.6), ("2/ms", 2000)])
def test_rates_are_read(text, per_s):
    assert parse_rate_per_s(text, "--arrivals") == pytest.approx(per_s)


@pytest.mark.parametrize("text", ["", "1", "s", "-1s", "1 2s", "nan s", "infs", "8/s", "1m", "0s", "1e400s", "1e-400s"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(WrongInput, match=r"^--service: "):
        parse_duration_s(text, "--service")


@pytest.mark.parametrize("text", ["", "8", "/s", "-8/s", "8s", "8/", "8/x", "nan/s", "0/s", "1e400/s"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(WrongInput, match=r"^--arrivals: "):
        parse_rate_per_s(text, "--arrivals")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (1, "1 s"),
        (1.3841, "1.38 s"),
        (0.9999, "1 s"),
        (0.02, "20 ms"),
        (3e-6, "3 µs"),
        (90, "90 s"),
        (600, "10 min"),
        (36_000, "10 h"),
        (8_640_000, "100 d"),
        (1e9, "11,574 d"),
        (float("inf"), "for ever"),
    ],
)
def test_times_are_shown_in_the_unit_that_suits_them(seconds, shown):
    assert show_duration(seconds) == shown


@pytest.mark.parametrize(("per_s", "shown"), [(8, "8/s"), (0.5, "30/min"), (1 / 3600, "1/h"), (12_345, "12,345/s")])
def test_rates_are_shown_in_the_unit_that_suits_them(per_s, shown):
    assert show_rate(per_s) == shown


@given(st.floats(1e-9, 1e7))
def test_what_is_shown_is_read_again(seconds):
    assert parse_duration_s(show_duration(seconds).replace(",", ""), "") == pytest.approx(seconds, rel=0.006)
