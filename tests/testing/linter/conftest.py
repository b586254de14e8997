"""Which rules a broker's linter has found broken."""

from collections.abc import Callable

import pytest

from amqpbroker.testing import Broker


@pytest.fixture
def rules(broker: Broker) -> Callable[[], list[str]]:
    """The names of the rules, in the order in which they were broken; each is told once."""
    return lambda: [finding.name for finding in broker.take_warnings()]
