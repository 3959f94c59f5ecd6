"""What a model takes: time, memory, parameters."""

from __future__ import annotations

import math
from functools import partial

from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.base import Estimate, Metric

_metric = partial(Metric, kind="cost", scale="log", range=(0.0, None))


def _sampling(sampling_seconds_per_image: Tensor) -> Estimate:
    return _throughput(sampling_seconds_per_image, "sampling")


def _encoding(encoding_seconds_per_image: Tensor) -> Estimate:
    return _throughput(encoding_seconds_per_image, "encoding")


def _decoding(decoding_seconds_per_image: Tensor) -> Estimate:
    return _throughput(decoding_seconds_per_image, "decoding")


def _throughput(seconds_per_image: Tensor, job: str) -> Estimate:
    seconds = checks.vector(seconds_per_image, f"{job} times")
    if not bool((seconds > 0).all()):
        raise BadInput(f"{job} times must be positive; found {float(seconds.min()):g} s")
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


SAMPLING_THROUGHPUT = _metric(
    "sampling_throughput",
    _sampling,
    "higher",
    "sampling throughput",
    "",
    unit="images/s",
    digits=1,
)
ENCODING_THROUGHPUT = _metric(
    "encoding_throughput",
    _encoding,
    "higher",
    "encoding throughput",
    "",
    unit="images/s",
    digits=1,
)
DECODING_THROUGHPUT = _metric(
    "decoding_throughput",
    _decoding,
    "higher",
    "decoding throughput",
    "",
    unit="images/s",
    digits=1,
)
TRAINING_TIME = _metric(
    "training_time",
    _training_time,
    "lower",
    "training time",
    "",
    unit="s",
    digits=1,
)
PARAMETERS = _metric(
    "parameters",
    _parameters,
    "lower",
    "parameters",
    "",
    digits=0,
    of_recipe=True,
)
PEAK_MEMORY = _metric(
    "peak_memory",
    _peak_memory,
    "lower",
    "peak memory",
    "",
    unit="MiB",
    version=2,
    digits=1,
)
