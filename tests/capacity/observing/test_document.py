"""An observation for programs."""

import json

import pytest

from amqpbroker.capacity.observing.document import document
from amqpbroker.capacity.observing.observation import observe
from tests.helpers.measured_traffic import played


def test_it_has_what_was_measured_and_what_is_forecast() -> None:
    found = document(observe(played().seen, target_s=0.5))
    assert found["arrivals"]["per_s"] == pytest.approx(8.0, rel=0.05)
    assert found["services"]["per_s"] == pytest.approx(1.0, rel=0.05)
    assert found["utilisation"] == pytest.approx(0.8, rel=0.05)
    assert found["forecast"]["model"] == "M/M/c"
    assert found["measured_wait"]["percentiles_s"].keys() == found["forecast"]["wait_percentiles_s"].keys()
    assert (found["target_wait_s"], found["target_percentile"], found["trust"]) == (0.5, 99.0, "good")
    assert found["consumers_needed"] > 10 > found["consumers_min"]


def test_the_test_and_the_alternatives_are_told() -> None:
    arrivals = document(observe(played().seen))["arrivals"]
    assert arrivals["kind"] == "as assumed" and arrivals["tests"].keys() == {"times", "counts"}
    assert arrivals["p"] == pytest.approx(min(1.0, 2 * min(test["p"] for test in arrivals["tests"].values())))
    assert arrivals["distributions"][0]["name"] == "exponential"


def test_what_is_not_known_is_null() -> None:
    found = document(observe(played(customers=20).seen))
    assert [found[name] for name in ("forecast", "utilisation", "consumers_needed", "drain_mean_s")] == [None] * 4
    assert (found["trust"], found["arrivals"]["p"]) == ("none", None)
    json.dumps(found, allow_nan=False)
