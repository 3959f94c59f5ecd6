"""The clock by which models are timed."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from harness.core.cuda_graphs import Accelerate
from harness.training import data_parallel


def clock(device: torch.device, accelerate: Accelerate = "off") -> Callable[[], float]:
    """Seconds since some moment: of the processor, in this thread, where that is what computes.

    Then cells that take turns on one core do not look slower than they are. By the wall where
    others compute: a GPU, a compiler, or processes that share a model.
    """
    alone = device.type == "cpu" and accelerate == "off" and not data_parallel.is_spread()
    return time.thread_time if alone else time.perf_counter
