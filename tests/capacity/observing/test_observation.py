"""Which model measured traffic gets, and what that says beside what was measured."""

from dataclasses import replace

import pytest

from amqpbroker.capacity.errors import WrongInput
from amqpbroker.capacity.fitting.verdict import Kind
from amqpbroker.capacity.models.exponential import m_m_c
from amqpbroker.capacity.models.load import Load
from amqpbroker.capacity.observing.observation import observe
from amqpbroker.capacity.simulation.spread import DETERMINISTIC
from tests.helpers.measured_traffic import played


def test_poisson_and_exponential_is_m_m_c_and_comes_out_as_forecast() -> None:
    seen = observe(played().seen)
    assert (seen.obstacle, seen.arrivals.kind, seen.services.kind) == ("", Kind.AS_ASSUMED, Kind.AS_ASSUMED)
    assert seen.forecast is not None and seen.load is not None
    assert seen.forecast.model == "M/M/c"
    assert seen.arrivals_per_s == pytest.approx(8.0, rel=0.05)
    assert seen.load.utilisation == pytest.approx(0.8, rel=0.05)
    assert seen.waits.mean_s == pytest.approx(seen.forecast.wait_mean_s, rel=0.25)


def test_the_consumers_that_a_wait_needs() -> None:
    seen = observe(played().seen, target_s=0.5, percentile=95.0)
    assert seen.needed is not None and seen.load is not None and seen.needed.consumers is not None
    enough = replace(seen.load, consumers=seen.needed.consumers)
    assert m_m_c(enough).wait_percentile_s(95.0) <= 0.5
    assert m_m_c(replace(enough, consumers=enough.consumers - 1)).wait_percentile_s(95.0) > 0.5


def test_without_a_target_the_wait_is_to_be_no_longer_than_a_service() -> None:
    seen = observe(played().seen)
    assert seen.needed is not None
    assert (seen.needed.target_s, seen.needed.percentile) == (seen.measured.services.mean_s, 99.0)


@pytest.mark.parametrize(
    ("played_", "kinds"),
    [
        (played(arrivals=DETERMINISTIC), (Kind.STEADIER, Kind.AS_ASSUMED)),
        (played(services=DETERMINISTIC), (Kind.AS_ASSUMED, Kind.STEADIER)),
    ],
    ids=["arrivals", "services"],
)
def test_other_traffic_goes_by_its_variation(played_, kinds: tuple[Kind, Kind]) -> None:
    seen = observe(played_.seen)
    assert (seen.arrivals.kind, seen.services.kind) == kinds
    assert seen.forecast is not None and seen.forecast.model == "G/G/c"
    assert seen.forecast.wait_mean_s < m_m_c(seen.forecast.load).wait_mean_s


def test_with_prefetch_the_wait_is_until_a_consumer_begins() -> None:
    seen = observe(played(prefetch=4, arrivals_per_s=2.4, consumers=3).seen)
    assert seen.forecast is not None and seen.forecast.model == "M/M/c with prefetch"
    assert seen.waits == seen.measured.starts
    assert seen.waits.mean_s == pytest.approx(seen.forecast.wait_mean_s, rel=0.3)


@pytest.mark.parametrize(
    ("dispatch", "model"),
    [("", "M/M/c with prefetch"), ("random", "M/M/c with prefetch"), ("least-unacked", "M/M/c")],
)
def test_with_prefetch_the_dispatch_counts(dispatch: str, model: str) -> None:
    seen = observe(replace(played().seen, prefetch=5, dispatch=dispatch))
    assert seen.forecast is not None and seen.forecast.model == model


def test_a_queue_that_grows_is_told_how_many_consumers_would_do() -> None:
    seen = observe(played(consumers=7, customers=1_000).seen)
    assert seen.forecast is None and seen.drain is None
    assert seen.obstacle.startswith("unstable: ") and "and there are 7" in seen.obstacle
    assert seen.load is not None and seen.load.consumers_min in (8, 9)
    assert seen.needed is not None and seen.needed.consumers is not None and seen.needed.consumers > 8


def test_a_backlog_drains_by_what_the_consumers_have_left() -> None:
    seen = observe(replace(played().seen, ready=600))
    assert seen.drain is not None and seen.load is not None
    assert seen.drain.mean_s == pytest.approx(600 / seen.load.drained_per_s)


def test_what_comes_back_is_served_again() -> None:
    measured = played().seen
    seen = observe(replace(measured, returned=400))
    assert seen.load is not None
    assert seen.load.arrivals_per_s == pytest.approx(4_400 / measured.watched_s)
    assert seen.arrivals_per_s == pytest.approx(4_000 / measured.watched_s)


@pytest.mark.parametrize(("target_s", "percentile"), [(0.0, 99.0), (-1.0, 99.0), (1.0, 100.0), (1.0, -1.0)])
def test_a_target_that_is_none_is_refused(target_s: float, percentile: float) -> None:
    with pytest.raises(WrongInput):
        observe(played().seen, target_s, percentile)


def test_the_load_that_is_asked_about_is_that_of_the_consumers_with_acknowledgements() -> None:
    seen = observe(replace(played().seen, consumers=9))
    assert seen.load == Load(seen.arrivals_per_s, seen.measured.services.mean_s, 9)
