"""An observation in plain sentences: what the traffic is like, what follows, and how far that can be trusted."""

from enum import StrEnum
from math import sqrt
from typing import Final

from amqpbroker.capacity.fitting.verdict import Kind
from amqpbroker.capacity.observing.observation import AS_MODELLED, Observation
from amqpbroker.capacity.units import show_duration, show_rate

# Forecast and measured mean wait differ if by more than that and chance together, and by more than sockets explain.
_DIFFERENT: Final = 0.15
_SOCKETS_S: Final = 0.002
# Shares of the messages from which on something is worth a sentence.
_SOME: Final = 0.02
_MANY: Final = 0.1
_NEARLY_ALL: Final = 0.98
# A backlog is no chance if it is so many times as long as one message in a hundred finds, and not just a few.
_BACKLOG: Final = 3.0
_BACKLOG_MIN: Final = 20


class Trust(StrEnum):
    """Whether the forecast can be relied upon; rough: for its order of magnitude."""

    GOOD = "good"
    ROUGH = "rough"
    NONE = "none"


def trust_of(seen: Observation) -> Trust:
    """Whether the forecast can be trusted."""
    if seen.forecast is None:
        return Trust.NONE
    return Trust.ROUGH if doubts(seen) else Trust.GOOD


def sentences(seen: Observation) -> list[str]:
    """What was observed, the most important first."""
    told: list[str] = []
    if seen.forecast is None:
        told.append(seen.obstacle)
        if seen.load is not None and seen.load.drained_per_s < 0:
            told.append(f"the queue grows by {show_rate(-seen.load.drained_per_s)}{_given_up(seen)}")
    else:
        because = doubts(seen)
        model = seen.forecast.model
        told.append(
            f"the forecast ({model}) is rough: {'; '.join(because)}"
            if because
            else f"the forecast ({model}) can be trusted"
        )
    if seen.measured.arrived:
        told.append(seen.arrivals.words)
    if seen.measured.services.count:
        told.append(seen.services.words)
    return [one[0].upper() + one[1:] + "." for one in told]


def doubts(seen: Observation) -> list[str]:
    """Why the forecast is not to be taken to the letter."""
    measured = seen.measured
    assert seen.forecast is not None
    found: list[str] = []
    if Kind.UNKNOWN in (seen.arrivals.kind, seen.services.kind):
        found.append("too little is known to test what it assumes")
    kinds = {seen.arrivals.kind, seen.services.kind} - {Kind.UNKNOWN}
    if not kinds.issubset(AS_MODELLED):
        found.append("it goes by the variation alone")
    if seen.ahead and seen.forecast.model == "G/G/c":
        found.append("it is as if consumers took one message at a time")
    elif seen.ahead and measured.consumers > 1:
        found.append("consumers take messages ahead, which it has an approximation for")
    if measured.ready > _BACKLOG_MIN and measured.ready > _BACKLOG * _ready_usual(seen):
        until = f", which takes {show_duration(seen.drain.mean_s)}" if seen.drain is not None else ""
        found.append(f"{measured.ready:,} messages have piled up, and it holds when they are gone{until}")
    if differs(seen):
        ratio = seen.waits.mean_s / seen.forecast.wait_mean_s if seen.forecast.wait_mean_s else 0
        found.append(f"the measured mean wait is {ratio:.2g} times the forecast's")
    share = measured.watched_s / measured.since_s if measured.since_s else 1.0
    if share < _NEARLY_ALL:
        found.append(f"only {share:.0%} of the time was watched, as there is so much traffic")
    if measured.silent_consumers:
        found.append(f"{measured.silent_consumers:,} of its consumers acknowledge nothing")
    if measured.together > _MANY * measured.services.count:
        share = measured.together / measured.services.count
        found.append(f"{share:.0%} are acknowledged together, so that single times are not seen")
    if measured.returned > _SOME * measured.arrived:
        found.append(f"{measured.returned / measured.arrived:.0%} of the messages came back, and are served again")
    if dropped := _given_up(seen):
        found.append(dropped.removeprefix(", but "))
    if measured.by_priority:
        found.append("its percentiles are those of a queue without priorities")
    return found


def _given_up(seen: Observation) -> str:
    """Which part of the messages nobody gets, if it is worth a word."""
    measured = seen.measured
    if measured.given_up <= _SOME * measured.arrived:
        return ""
    return f", but {measured.given_up / measured.arrived:.0%} of the messages expire or are dropped"


def _ready_usual(seen: Observation) -> float:
    """How many messages wait in one moment of a hundred, or more."""
    assert seen.forecast is not None
    return seen.forecast.wait_percentile_s(99.0) * seen.forecast.load.arrivals_per_s


def differs(seen: Observation) -> bool:
    """Whether the measured mean wait is another than the forecast's: waits next to each other are much alike.

    The standard error is that of M/M/1. Source: Whitt 1989, Management Science 35: Planning queueing simulations.
    """
    forecast, count = seen.forecast, seen.waits.count
    if forecast is None or not count:
        return False
    room = 1 - forecast.load.utilisation
    chance = 3 * sqrt(4 / (count * room * room))
    allowed_s = (_DIFFERENT + chance) * forecast.wait_mean_s
    return abs(seen.waits.mean_s - forecast.wait_mean_s) > max(allowed_s, _SOCKETS_S)
