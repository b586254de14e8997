"""The model that is meant for a cell, as far as there is one."""

from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.forecast import Forecast
from amqpbroker.capacity.models.general import g_g_c
from amqpbroker.capacity.models.prefetch import m_m_c_prefetch
from amqpbroker.capacity.simulation.cell import Cell
from amqpbroker.capacity.simulation.spread import EXPONENTIAL
from amqpbroker.model.dispatch import RANDOM, ROUND_ROBIN


def forecast_of(cell: Cell) -> Forecast:
    """What to expect of the wait until a message is worked on. Raises Unstable.

    Of both, times that are not exponential and a prefetch, no model knows: then it is that of the times alone.
    Weights and speeds no model knows either.
    """
    if (cell.arrival_spread, cell.service_spread) != (EXPONENTIAL, EXPONENTIAL):
        return g_g_c(cell.load, cell.arrival_spread.variation, cell.service_spread.variation)
    if cell.prefetch > 1 and cell.dispatch in (ROUND_ROBIN, RANDOM):
        return m_m_c_prefetch(cell.load, cell.prefetch, cell.dispatch)
    return m_m_c(cell.load)
