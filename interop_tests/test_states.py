"""Every method in every state of a connection and its channel is answered as RabbitMQ answers it."""

import pytest

from interop_tests.raw import expected, states
from interop_tests.raw.provocation import observe_all


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest) -> expected.Answers:
    return expected.answers("states.yaml", request.config.getoption("--profile", default=None))


@pytest.fixture(scope="module")
def observed(amqp_url: str, answers: expected.Answers) -> dict[str, list[str]]:
    """All at the same time: two hundred of them are answered with a silence of 3 s."""
    provocations = {name: one for name, one in states.PROVOCATIONS.items() if answers[name] is not None}
    return observe_all(amqp_url, {name: (one, answers[name]) for name, one in provocations.items()})


@pytest.mark.parametrize("name", states.PROVOCATIONS)
def test_method_in_state(name: str, observed: dict[str, list[str]], answers: expected.Answers) -> None:
    if answers[name] is None:
        pytest.skip("what this version answers is not known")
    assert observed[name] == answers[name]


def test_every_method_in_every_state_was_recorded() -> None:
    assert list(expected.read("states.yaml")["3.13"]) == list(states.PROVOCATIONS)
