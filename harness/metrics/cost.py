"""What a model takes: time, memory, parameters."""

from __future__ import annotations

import math

from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.base import Estimate, Metric


def _throughput(sampling_seconds_per_image: Tensor) -> Estimate:
    seconds = checks.vector(sampling_seconds_per_image, "sampling times")
    if not bool((seconds > 0).all()):
        raise BadInput(f"sampling times must be positive; found {float(seconds.min()):g} s")
    time = checks.mean_over(seconds, "repeats")
    # The delta method: the relative error of 1/t is that of t.
    stderr = None if time.stderr is None else time.stderr / time.value**2
    return Estimate(1 / time.value, stderr, time.over)


def _training_time(training_seconds: float) -> Estimate:
    return _cost(training_seconds, "training time")


def _parameters(parameter_count: int) -> Estimate:
    return _cost(parameter_count, "parameter count")


def _peak_memory(peak_memory_bytes: int) -> Estimate:
    return _cost(peak_memory_bytes / 2**20, "peak memory")


def _cost(value: float, name: str) -> Estimate:
    if not (math.isfinite(value) and value >= 0):
        raise BadInput(f"{name} must be a number of at least 0, not {value}")
    return Estimate(float(value))


SAMPLING_THROUGHPUT = Metric(
    "sampling_throughput",
    _throughput,
    "higher",
    "sampling throughput",
    "",
    kind="cost",
    scale="log",
    unit="images/s",
    digits=1,
    range=(0.0, None),
)
TRAINING_TIME = Metric(
    "training_time",
    _training_time,
    "lower",
    "training time",
    "",
    kind="cost",
    scale="log",
    unit="s",
    digits=1,
    range=(0.0, None),
)
PARAMETERS = Metric(
    "parameters",
    _parameters,
    "lower",
    "parameters",
    "",
    kind="cost",
    scale="log",
    digits=0,
    range=(0.0, None),
    of_recipe=True,
)
PEAK_MEMORY = Metric(
    "peak_memory",
    _peak_memory,
    "lower",
    "peak memory",
    "",
    kind="cost",
    scale="log",
    unit="MiB",
    version=2,
    digits=1,
    range=(0.0, None),
)
