"""How whole numbers have changed: samples in time, and the rates and averages that RabbitMQ tells of them.

Source: RabbitMQ `exometer_slide`, `rabbit_mgmt_stats:format_range`.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from amqpbroker.management.errors import BadRequest
from amqpbroker.management.requests import whole_number

# A minute of samples, five seconds apart, and the one before.
_FINE_SAMPLES: Final = 13
# Ten minutes of these for what is kept longer; then eight hours, a minute apart.
_LONG_FINE_SAMPLES: Final = 121
_COARSE_SAMPLES: Final = 481
_COARSE_MS: Final = 60_000
_POINTS_MAX: Final = 1_000


class Span(NamedTuple):
    """The part of the past that somebody asks for: so far back, in steps of so much."""

    age_s: int
    step_s: int

    def times_ms(self, last_ms: int) -> list[int]:
        """The moments that are told, the last first."""
        return [last_ms - place * self.step_s * 1_000 for place in range(self.age_s // self.step_s + 1)]


def read_span(query: Mapping[str, str], prefix: str) -> Span | None:
    """What `<prefix>_age` and `<prefix>_incr` ask for; None if one of them is missing. Raises 400."""
    age, step = query.get(f"{prefix}_age"), query.get(f"{prefix}_incr")
    if age is None or step is None:
        return None
    span = Span(whole_number(age, f"{prefix}_age"), whole_number(step, f"{prefix}_incr"))
    if span.step_s < 1 or not 0 <= span.age_s <= _POINTS_MAX * span.step_s:
        raise BadRequest(f"{prefix}_age and {prefix}_incr: a step of a second or more, and {_POINTS_MAX} steps at most")
    return span


class Series:
    """names: of the numbers of each sample."""

    def __init__(self, names: Sequence[str], samples_max: int = _FINE_SAMPLES) -> None:
        self._columns = {name: place for place, name in enumerate(names)}
        self._samples: deque[tuple[int, tuple[int, ...]]] = deque(maxlen=samples_max)

    def add(self, unix_ms: int, values: tuple[int, ...]) -> None:
        """What they are now; later than all before."""
        self._samples.append((unix_ms, values))

    @property
    def is_flat(self) -> bool:
        """Whether nothing has changed for as long as it remembers."""
        samples = self._samples
        return len(samples) == samples.maxlen and all(values == samples[0][1] for _, values in samples)

    def knows(self, name: str) -> bool:
        """Whether it has such a number."""
        return name in self._columns

    def rate(self, name: str) -> float:
        """What the number changes by in a second, between the last two samples."""
        if len(self._samples) < 2:
            return 0.0
        (before_ms, before), (now_ms, now) = self._samples[-2], self._samples[-1]
        column = self._columns[name]
        return (now[column] - before[column]) * 1_000 / (now_ms - before_ms)

    def at(self, name: str, unix_ms: int) -> int:
        """What the number was; before the first sample: what it was then."""
        column = self._columns[name]
        found = 0
        for sample_ms, values in reversed(self._known()):
            found = values[column]
            if sample_ms <= unix_ms:
                break
        return found

    def _known(self) -> Sequence[tuple[int, tuple[int, ...]]]:
        return self._samples


class LongSeries(Series):
    """One that is kept for ten minutes in full, and for eight hours with a sample a minute."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names, _LONG_FINE_SAMPLES)
        self._coarse: deque[tuple[int, tuple[int, ...]]] = deque(maxlen=_COARSE_SAMPLES)

    def add(self, unix_ms: int, values: tuple[int, ...]) -> None:
        super().add(unix_ms, values)
        if not self._coarse or unix_ms - self._coarse[-1][0] >= _COARSE_MS:
            self._coarse.append((unix_ms, values))

    def _known(self) -> Sequence[tuple[int, tuple[int, ...]]]:
        first_ms = self._samples[0][0] if self._samples else 0
        return [*(sample for sample in self._coarse if sample[0] < first_ms), *self._samples]


def details(all_series: Sequence[Series], name: str, now: int, span: Span | None, last_ms: int) -> dict[str, Any]:
    """What is told of a number, the sum of that of some series; now: if there are none, it has been this all the time.

    span: the part of its past that is asked for, up to last_ms.
    """
    told: dict[str, Any] = {"rate": sum((series.rate(name) for series in all_series), start=0.0)}
    if span is not None:
        times_ms = span.times_ms(last_ms)
        values = [sum(one.at(name, time_ms) for one in all_series) if all_series else now for time_ms in times_ms]
        told["samples"] = [
            {"sample": value, "timestamp": time_ms} for value, time_ms in zip(values, times_ms, strict=True)
        ]
        told["avg_rate"] = (values[0] - values[-1]) / (span.age_s or 1)
        told["avg"] = sum(values) / len(values)
    return told
