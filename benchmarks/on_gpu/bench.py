"""What the measurements share: the device, the sizes, and how time is taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch

from harness.config.recipe import load_recipe
from harness.data.base import Dataset
from harness.families import build_family
from harness.families.base import Family
from harness.plan import shape_of
from harness.training.init import initialise

Row = dict[str, Any]
"""A line of a table, by column."""


@dataclass(frozen=True)
class Bench:
    """Where and how much. Of the two trainings of `few` and `more` steps the difference gives the
    time of a step, and what is left the time until the first.
    """

    device: torch.device
    dataset: Dataset
    few: int = 100
    more: int = 1100
    repeats: int = 3
    workers: int = 2
    seeds: tuple[int, ...] = (5, 10)
    images: int = 64
    sampling_steps: int = 50
    matrix: int = 8192
    megabytes: int = 1024
    features: tuple[int, int] = (5000, 2048)

    def family(self, model: str, seed: int = 0, **settings: Any) -> Family:
        """A recipe's untrained model on the device's host."""
        recipe = load_recipe(model)
        chosen = recipe.settings | settings
        build = partial(build_family, recipe.family, chosen, shape_of(self.dataset))
        return initialise(build, seed)

    def seconds(self, work: Callable[[], object]) -> float:
        """By the clock, until the device is done."""
        self.wait()
        start = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - start

    def each(self, work: Callable[[], object]) -> float:
        """The median time of a call, after one that does not count."""
        work()
        return median(self.seconds(work) for _ in range(self.repeats))

    def wait(self) -> None:
        """Until all is done that the device was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


@dataclass(frozen=True)
class Pace:
    """Seconds of a step, and those until the first: capturing and compiling."""

    step: float
    start: float

    @classmethod
    def of(cls, bench: Bench, timed: list[tuple[float, float]]) -> Pace:
        """From the seconds of `few` and `more` steps, several times."""
        few, more = (median(column) for column in zip(*timed, strict=True))
        step = max(more - few, 1e-9) / (bench.more - bench.few)
        return cls(step, max(few - bench.few * step, 0.0))

    def breaks_even(self, other: Pace) -> int | None:
        """After how many steps it has overtaken the other; None where it never does."""
        if self.step >= other.step:
            return None
        return max(0, round((self.start - other.start) / (other.step - self.step)))
