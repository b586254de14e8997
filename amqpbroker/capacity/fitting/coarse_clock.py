"""Times by a clock that counts whole milliseconds, as uvloop's does, made fit for tests that look closer.

Of times of 20 ms, rounding alone makes a test of thousands of them reject what is exponential, each time. Nobody knows
where in its millisecond a moment was: it is put anywhere in it, with the same chance. What is longer than some
milliseconds is then distributed as it was.
"""

from typing import Final

import numpy

from amqpbroker.capacity.fitting.likelihood_ratio import Numbers

_TICK_S: Final = 1e-3
# Of a tick: so far off are differences of a clock that has run for years.
_ROUNDING: Final = 1e-3
# The same data, the same verdict.
_SEED: Final = 0


def gaps_as_they_may_be(gaps: Numbers) -> Numbers:
    """Times between moments that follow each other: the moments are moved, and stay in order."""
    if not _is_coarse(gaps):
        return gaps
    moments = numpy.concatenate(([0.0], numpy.cumsum(gaps)))
    moments += numpy.random.default_rng(_SEED).random(len(moments)) * _TICK_S
    return numpy.diff(numpy.sort(moments))


def times_as_they_may_be(times: Numbers) -> Numbers:
    """Times that have nothing to do with each other: the beginning and the end of each are moved."""
    if not _is_coarse(times):
        return times
    ends, beginnings = numpy.random.default_rng(_SEED).random((2, len(times))) * _TICK_S
    moved: Numbers = numpy.abs(times + ends - beginnings)
    return moved


def _is_coarse(times: Numbers) -> bool:
    """Whether all are whole milliseconds, and not all of them nothing."""
    ticks = times / _TICK_S
    return bool(times.any() and numpy.all(numpy.abs(ticks - numpy.round(ticks)) < _ROUNDING))
