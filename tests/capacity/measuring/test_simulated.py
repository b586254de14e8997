"""What is measured of traffic that is played through the broker is what was done, message by message."""

import pytest

from tests.helpers.measured_traffic import played


@pytest.mark.parametrize("prefetch", [1, 4, 1_000])
def test_every_wait_and_service_is_found(prefetch: int) -> None:
    found = played(prefetch=prefetch, arrivals_per_s=2.7, consumers=3)
    traffic, waits = found.traffic, found.waits
    assert sorted(traffic.waits.last_s) == pytest.approx(sorted(waits.until_delivered_s), abs=1e-9)
    starts = traffic.waits if prefetch == 1 else traffic.starts
    assert sorted(starts.last_s) == pytest.approx(sorted(waits.until_begun_s), abs=1e-9)
    assert traffic.services.total_s == pytest.approx(found.busy_s)
    assert (traffic.arrived, traffic.services.count, traffic.stretches) == (4_000, 4_000, 1)
