"""What the test API can be asked for: its name in the path → what of the broker answers."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from amqpbroker.testing.async_broker import AsyncBroker

CALLS: Final[Mapping[str, Callable[[AsyncBroker], Callable[..., Any]]]] = {
    "clock/freeze": lambda broker: broker.clock.freeze,
    "clock/resume": lambda broker: broker.clock.resume,
    "clock/advance": lambda broker: broker.clock.advance,
    "clock/now": lambda broker: broker.clock.now,
}
