"""How long: '30m', '1h30m', '250ms', a number of seconds, or a timedelta."""

import re
from datetime import timedelta
from typing import Final

Duration = str | int | float | timedelta

_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*")


def seconds_of(duration: Duration) -> float:
    """The seconds of a duration. Raises ValueError: it is none, or negative."""
    seconds = _seconds_of(duration)
    if seconds is None or not 0 <= seconds < float("inf"):
        text = f"{duration!r} is no duration: give seconds, a timedelta, or text such as '250ms', '30m' or '1h30m'"
        raise ValueError(text)
    return seconds


def _seconds_of(duration: Duration) -> float | None:
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    if isinstance(duration, str):
        parts = _PART.findall(duration)
        if not parts or _PART.sub("", duration.strip()):
            return None
        return sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    return float(duration)
