"""What a model takes, in the units of the reference."""

import math

import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics import METRICS
from harness.metrics.base import Estimate


def test_throughput_is_the_inverse_of_the_mean_time_with_its_relative_error():
    """Times of 1 and 3 s: the mean is 2 ± 1 s, so the throughput 1/2 ± 1/4 images a second."""
    compute = METRICS["sampling_throughput"].compute
    assert compute(torch.tensor([1.0, 3.0])) == Estimate(0.5, 0.25, "repeats")
    assert compute(torch.tensor([4.0])) == Estimate(0.25)
    with pytest.raises(BadInput, match="must be positive; found 0 s"):
        compute(torch.tensor([1.0, 0.0]))


@pytest.mark.parametrize(
    ("metric", "raw", "value"),
    [("training_time", 12.5, 12.5), ("parameters", 0, 0), ("peak_memory", 3 * 2**20, 3)],
)
def test_costs_are_numbers_of_at_least_0(metric: str, raw: float, value: float):
    compute = METRICS[metric].compute
    assert compute(raw) == Estimate(value)
    for wrong in (-1, math.nan, math.inf):
        with pytest.raises(BadInput, match="must be a number of at least 0"):
            compute(wrong)
