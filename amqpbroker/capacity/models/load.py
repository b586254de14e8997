"""What a queue is asked to do: how much arrives, how long one message takes, how many consumers there are."""

from dataclasses import dataclass
from math import floor, isfinite
from operator import index
from typing import Final

from amqpbroker.capacity.errors import Unstable, WrongInput
from amqpbroker.capacity.units import show_duration, show_rate
from amqpbroker.limits import FORECAST_CONSUMERS_MAX

# 10 a second of 0.3 s are three consumers' full time, which as binary numbers they are not quite.
_ROUNDING: Final = 1e-12
# No rate and no time that is meant is smaller or larger, and products and squares of these are numbers still.
_LEAST: Final = 1e-18
_MOST: Final = 1e18


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one queue. Refuses, with WrongInput, numbers that no load has.

    arrivals_per_s: λ, messages that are published to it a second. service_s: 1/μ, the mean time in seconds that a
    consumer has a message, from the delivery to the acknowledgement. consumers: c, each with one message at a time.
    """

    arrivals_per_s: float
    service_s: float
    consumers: int = 1

    def __post_init__(self) -> None:
        check_positive("arrivals", self.arrivals_per_s, "a second")
        check_positive("service", self.service_s, "s")
        check_count("consumers", self.consumers, FORECAST_CONSUMERS_MAX)

    @property
    def offered(self) -> float:
        """a = λ/μ, the offered load in erlangs: so many consumers are busy on average, if there are enough."""
        return self.arrivals_per_s * self.service_s

    @property
    def utilisation(self) -> float:
        """ρ = λ/(cμ): the part of their time that consumers work; 1 and more is too much for them."""
        return self.offered / self.consumers

    @property
    def is_stable(self) -> bool:
        """Whether the consumers get done what arrives: ρ < 1, and where arrivals and services vary not ρ = 1."""
        return self.utilisation < 1 - _ROUNDING

    @property
    def consumers_min(self) -> int:
        """The stability bound: the fewest consumers with which the queue does not grow for ever."""
        return floor(self.offered * (1 + _ROUNDING)) + 1

    @property
    def drained_per_s(self) -> float:
        """cμ − λ: by so many messages a second a backlog shrinks; below zero it grows."""
        return self.consumers / self.service_s - self.arrivals_per_s

    def demand_stable(self) -> None:
        """Unstable, with the number of consumers that would do, if these do not keep up."""
        if not self.is_stable:
            raise Unstable(
                f"unstable: {show_rate(self.arrivals_per_s)} need at least {self.consumers_min:,} "
                f"{'consumer' if self.consumers_min == 1 else 'consumers'} at {show_duration(self.service_s)} each, "
                f"and there {'is' if self.consumers == 1 else 'are'} {self.consumers:,}",
                self.consumers_min,
            )


def check_positive(name: str, value: float, unit: str) -> None:
    """WrongInput: the value is not a number above zero, or beyond all that is meant."""
    check_number(name, value)
    if value <= 0:
        raise WrongInput(f"{name}: {value:g} {unit} has to be above zero")
    if not _LEAST <= value <= _MOST:
        raise WrongInput(f"{name}: {value:g} {unit} is not between {_LEAST:g} and {_MOST:g}")


def check_not_negative(name: str, value: float) -> None:
    """WrongInput: the value is not a number, is below zero or beyond all that is meant."""
    check_number(name, value)
    if not 0 <= value <= _MOST:
        raise WrongInput(f"{name}: {value:g} is not between 0 and {_MOST:g}")


def check_number(name: str, value: float) -> None:
    """WrongInput: the value is not a number, or is infinite."""
    if not isfinite(value):
        raise WrongInput(f"{name}: {value:g} is not a finite number")


def check_count(name: str, value: int, most: int, least: int = 1) -> None:
    """WrongInput: the value is no whole number, or not among least … most."""
    try:
        index(value)
    except TypeError:
        raise WrongInput(f"{name}: {value} is not a whole number") from None
    if not least <= value <= most:
        raise WrongInput(f"{name}: {value:,} is not between {least:,} and {most:,}")
