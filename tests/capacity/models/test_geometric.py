"""The geometric distribution that is cut off is that of its weights, summed up one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.capacity.models.geometric import CutOffGeometric


@given(st.one_of(st.floats(0.01, 20), st.floats(1 - 1e-5, 1 + 1e-5), st.just(1.0)), st.integers(1, 200))
def test_it_is_that_of_its_weights(ratio, size):
    numbers = np.arange(size)
    weights = ratio**numbers if ratio <= 1 else ratio ** (numbers - size + 1.0)
    weights /= weights.sum()
    cut_off = CutOffGeometric(ratio, size)
    assert cut_off.first == pytest.approx(weights[0], rel=1e-9)
    assert cut_off.mean == pytest.approx((weights * numbers).sum(), rel=1e-6, abs=1e-12)
    assert cut_off.at_least(numbers.astype(float)) == pytest.approx(weights[::-1].cumsum()[::-1], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("ratio", "mean"), [(1e-9, 0), (0.5, 1), (2.0, 999_999_998), (1e18, 999_999_999)])
def test_large_sizes_and_ratios_are_numbers_still(ratio, mean):
    assert CutOffGeometric(ratio, 10**9).mean == pytest.approx(mean, abs=1e-6)
