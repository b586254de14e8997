"""Rates and times as a person writes and reads them: 8/s, 480/min, 20ms."""

import re
from math import inf, isfinite
from typing import Final

from amqpbroker.capacity.errors import WrongInput

# The first of one length is what is shown.
_SECONDS: Final = {
    "d": 86_400.0,
    "h": 3_600.0,
    "min": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "ns": 1e-9,
}
_NUMBER: Final = r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?"
_DURATION: Final = re.compile(rf"{_NUMBER}\s*({'|'.join(_SECONDS)})")
_RATE: Final = re.compile(rf"{_NUMBER}\s*/\s*({'|'.join(_SECONDS)})")
# Of what is shown: hours and days only where it is many of them.
_SHOWN: Final = (("d", 2 * 86_400.0), ("h", 2 * 3_600.0), ("min", 120.0), ("s", 1.0), ("ms", 1e-3), ("µs", 1e-6))


def parse_duration_s(text: str, name: str) -> float:
    """`1s`, `20ms`, `1.5 min`, `2h`, `30d` in seconds. name: what it is, for the error. WrongInput: it is no time."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise WrongInput(f"{name}: {text!r} is not a time with its unit, such as 1s, 20ms, 1.5min or 2h")
    return _positive(float(found[1] + (found[2] or "")) * _SECONDS[found[3]], name, text)


def parse_rate_per_s(text: str, name: str) -> float:
    """`8/s`, `480/min`, `1e6/h` per second. name: what it is, for the error. WrongInput: it is no rate."""
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise WrongInput(f"{name}: {text!r} is not a rate with its unit, such as 8/s, 480/min or 20000/h")
    return _positive(float(found[1] + (found[2] or "")) / _SECONDS[found[3]], name, text)


def show_duration(seconds: float) -> str:
    """A time in the unit that suits it, to three digits: `20 ms`, `1.38 s`, `3.2 h`."""
    if seconds == inf:
        return "for ever"
    for unit, least_s in _SHOWN:
        if seconds >= least_s * 0.9995:
            return f"{_digits(seconds / _SECONDS[unit])} {unit}"
    return "0 s" if seconds < 0.5e-9 else f"{_digits(seconds * 1e9)} ns"


def show_rate(per_s: float) -> str:
    """A rate to three digits: by the second where that is one or more, else by the minute, hour or day: `30/min`."""
    for unit in ("s", "min", "h"):
        if per_s * _SECONDS[unit] >= 0.9995:
            return f"{_digits(per_s * _SECONDS[unit])}/{unit}"
    return f"{_digits(per_s * _SECONDS['d'])}/d"


def _positive(value: float, name: str, text: str) -> float:
    if not isfinite(value):
        raise WrongInput(f"{name}: {text} is too large a number")
    if value <= 0:
        raise WrongInput(f"{name}: {text} has to be above zero")
    return value


def _digits(value: float) -> str:
    """Three significant digits, all of them before the point if there are more, no zeros at the end."""
    if value >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.3g}"
