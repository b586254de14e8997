"""The plain sentences, and whether the forecast can be trusted."""

from dataclasses import replace
from typing import Any

import pytest

from amqpbroker.capacity.measuring.measured import Times
from amqpbroker.capacity.observing.observation import observe
from amqpbroker.capacity.observing.words import Trust, differs, doubts, sentences, trust_of
from amqpbroker.capacity.simulation.spread import DETERMINISTIC
from tests.helpers.measured_traffic import played


def test_of_what_is_as_assumed_the_forecast_can_be_trusted() -> None:
    seen = observe(played().seen)
    assert trust_of(seen) is Trust.GOOD
    first, arrivals, services = sentences(seen)
    assert first == "The forecast (M/M/c) can be trusted."
    assert arrivals.startswith("Messages come as a Poisson process has them (p = ")
    assert services.startswith("The times that consumers take are exponential (p = ")


def test_of_other_traffic_it_is_rough_and_says_why() -> None:
    seen = observe(played(arrivals=DETERMINISTIC).seen)
    assert trust_of(seen) is Trust.ROUGH
    assert sentences(seen)[0].startswith("The forecast (G/G/c) is rough: it goes by the variation alone")


def test_a_queue_that_grows_says_how_fast() -> None:
    told = sentences(observe(played(consumers=7, customers=1_000).seen))
    assert told[0].startswith("Unstable: ") and told[1].startswith("The queue grows by ")
    assert trust_of(observe(played(consumers=7, customers=1_000).seen)) is Trust.NONE


def test_a_full_queue_says_what_it_drops() -> None:
    told = sentences(observe(replace(played(consumers=7, customers=1_000).seen, given_up=100)))
    assert told[1].endswith(", but 10% of the messages expire or are dropped.")


def test_without_any_traffic_only_that_is_said() -> None:
    none = Times(0, 0.0, 0.0, ())
    told = sentences(observe(replace(played().seen, arrived=0, bursts=0, gaps=none, services=none, waits=none)))
    assert len(told) == 1 and told[0].startswith("Too little is known yet: 0 messages came")


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"stretches": 9, "since_s": 5_000.0}, "% of the time was watched, as there is so much traffic"),
        ({"silent_consumers": 2}, "2 of its consumers acknowledge nothing"),
        ({"together": 2_000}, "are acknowledged together, so that single times are not seen"),
        ({"returned": 400}, "10% of the messages came back, and are served again"),
        ({"given_up": 400}, "10% of the messages expire or are dropped"),
        ({"by_priority": True}, "its percentiles are those of a queue without priorities"),
        ({"ready": 5_000}, "5,000 messages have piled up, and it holds when they are gone, which takes "),
        ({"prefetch": 20}, "consumers take messages ahead, which it has an approximation for"),
        ({"waits": Times(4_000, 10.0, 1.0, (10.0,) * 4_000)}, "the measured mean wait is "),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_speaks_against_it_is_said(changes: dict[str, Any], doubt: str) -> None:
    assert any(doubt in one for one in doubts(observe(replace(played().seen, **changes))))


def test_too_few_to_test_is_a_doubt() -> None:
    seen = observe(played(customers=150).seen)
    assert doubts(seen)[0] == "too little is known to test what it assumes"


def test_a_short_look_differs_by_chance() -> None:
    seen = observe(played().seen)
    assert seen.forecast is not None
    for count, is_different in ((100, False), (100_000, True)):
        waits = Times(count, 1.5 * seen.forecast.wait_mean_s, 1.0, ())
        assert differs(replace(seen, waits=waits)) is is_different
