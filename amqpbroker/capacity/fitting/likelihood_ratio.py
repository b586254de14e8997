"""The log-likelihood ratio test (G-test) of whether messages come as a Poisson process and take exponential times.

What was observed in each cell is held against what the model expects there: G = 2 Σ O ln(O/E), which under the model is
distributed as χ² with one degree of freedom less than there are cells, and one less for the mean, which is estimated.
Williams's correction makes that true for samples of two hundred, too.

Source: Sokal, Rohlf 2012, Biometry, 4th ed., section 17.2; Williams 1976, Biometrika 63.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy
from numpy.typing import NDArray
from scipy.special import chdtrc, pdtr

Numbers: TypeAlias = NDArray[numpy.float64]

# With fewer the test would accept nearly everything, and its level does not hold exactly.
TIMES_MIN: Final = 200
# Of exponential times: so few that a clock that is a little coarse does not change the cell.
_CELLS: Final = 10
# Of counts: the mean number of arrivals in a window, and the fewest windows that a cell is to have.
_WINDOW_ARRIVALS: Final = 4
_EXPECTED_MIN: Final = 5.0


@dataclass(frozen=True, slots=True)
class GTest:
    """g: the statistic. p: the chance of one as high, or higher, if the model is true."""

    g: float
    degrees_of_freedom: int
    p: float


def exponential_times(times: Numbers) -> GTest | None:
    """Whether times are exponential, of whatever mean, in cells that are equally likely. None: too few."""
    count = len(times)
    mean = times.mean() if count else 0.0
    if count < TIMES_MIN or not mean:
        return None
    edges = -mean * numpy.log1p(-numpy.arange(1, _CELLS) / _CELLS)
    observed = numpy.bincount(numpy.searchsorted(edges, times, side="right"), minlength=_CELLS)
    return _g_test(observed, numpy.full(_CELLS, count / _CELLS))


def poisson_counts(gaps: Numbers) -> GTest | None:
    """Whether the arrivals that are so far apart, counted in windows, are Poisson's. None: too few.

    Between the first and the last arrival those of a Poisson process are anywhere with the same chance.
    """
    came = numpy.cumsum(gaps)
    if len(gaps) < TIMES_MIN or not came[-1]:
        return None
    windows = len(gaps) // _WINDOW_ARRIVALS
    places = (came[:-1] * (windows / came[-1])).astype(int)
    counts = numpy.bincount(numpy.minimum(places, windows - 1), minlength=windows)
    mean = len(places) / windows
    starts = _cell_starts(windows, mean)
    observed = numpy.bincount(numpy.searchsorted(starts, counts, side="right") - 1, minlength=len(starts))
    below = pdtr(starts[1:] - 1, mean)
    return _g_test(observed, windows * numpy.diff(below, prepend=0.0, append=1.0))


def _cell_starts(windows: int, mean: float) -> NDArray[numpy.int64]:
    """The first count of each cell, so that enough windows are expected in it, and in the last one above it."""
    starts = [0]
    for count in range(1, 4 * _WINDOW_ARRIVALS):
        expected = windows * (pdtr(count - 1, mean) - (pdtr(starts[-1] - 1, mean) if starts[-1] else 0.0))
        if windows * (1 - pdtr(count - 1, mean)) < _EXPECTED_MIN:
            break
        if expected >= _EXPECTED_MIN:
            starts.append(count)
    return numpy.array(starts)


def _g_test(observed: NDArray[numpy.int64], expected: Numbers) -> GTest:
    some = observed > 0
    g = 2 * float(numpy.sum(observed[some] * numpy.log(observed[some] / expected[some])))
    total, cells = float(expected.sum()), len(expected)
    g /= 1 + (float(numpy.sum(total / expected)) - 1) / (6 * total * (cells - 1))
    freedom = cells - 2
    return GTest(g, freedom, float(chdtrc(freedom, max(g, 0.0))))
