"""Poisson arrivals and exponential service without a limit: M/M/1 and M/M/c. All that they say is exact.

In AMQP's terms: one queue, consumers with prefetch 1 and manual acknowledgements, first in first out.
"""

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.models.erlang import erlang_c
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.models.waits import ExponentialWaits


def m_m_1(load: Load) -> Forecast:
    """M/M/1: one consumer. Wq = ρ/(μ − λ), P(W > t) = ρ·exp(−(μ − λ)t).

    Errors: Unstable for ρ ≥ 1; WrongInput for a load of several consumers.
    Source: Kleinrock 1975, Queueing Systems I, section 3.2; Gross et al. 2008, section 2.2.
    """
    if load.consumers != 1:
        raise WrongInput(f"consumers: M/M/1 has one, not {load.consumers:,}; use M/M/c")
    load.demand_stable()
    waits = ExponentialWaits(load.utilisation, load.utilisation / load.drained_per_s)
    return Forecast("M/M/1", load, waits)


def m_m_c(load: Load) -> Forecast:
    """M/M/c: Erlang C. Wq = C/(cμ − λ), P(W > t) = C·exp(−(cμ − λ)t).

    Errors: Unstable for ρ ≥ 1. Source: Erlang 1917; Kleinrock 1975, section 3.5; Gross et al. 2008, section 2.3.
    """
    load.demand_stable()
    waiting = erlang_c(load.offered, load.consumers)
    return Forecast("M/M/c", load, ExponentialWaits(waiting, waiting / load.drained_per_s))
