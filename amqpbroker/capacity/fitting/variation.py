"""How much arrivals vary over longer than from one to the next: bursts that follow each other, and pauses."""

from typing import Final

import numpy

from amqpbroker.capacity.fitting.likelihood_ratio import Numbers

_BLOCK_MAX: Final = 64
_BLOCKS_MIN: Final = 20


def dispersion(gaps: Numbers) -> float | None:
    """The index of dispersion for intervals, of blocks of arrivals: 1 for a Poisson process, 0 for a regular one.

    It is the squared coefficient of variation of the times between arrivals, with what neighbours have to do with each
    other: in a queue that is nearly always busy it says how long messages wait. None: too few.

    Source: Fendick, Whitt 1989, Proceedings of the IEEE 77; Cox, Lewis 1966, The Statistical Analysis of Series of
    Events.
    """
    block = min(_BLOCK_MAX, len(gaps) // _BLOCKS_MIN)
    mean = gaps.mean() if len(gaps) else 0.0
    if block < 1 or not mean:
        return None
    came = numpy.cumsum(numpy.concatenate(([0.0], gaps)))
    # Blocks overlap: of the same times that tells more.
    sums = came[block:] - came[:-block]
    return float(sums.var() / (block * mean**2))
