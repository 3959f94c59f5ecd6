"""What benchmarks share: two ways to do the same, timed alternately; ratios of medians; a table."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple, TypeVar

import torch
from scipy import stats
from threadpoolctl import threadpool_info

from harness.training.numerics import Numerics

T = TypeVar("T")

CHANCE = 0.001
"""How often two programs that train alike would be said to differ."""


@dataclass(frozen=True)
class Goal:
    """What was asked for: a ratio of at least, or at most, so much; None where nothing was."""

    ratio: float | None
    at_most: bool = False

    def __str__(self) -> str:
        if self.ratio is None:
            return "–"
        return f"{'≤' if self.at_most else '≥'} {self.ratio:.2f}"

    def met(self, reached: float) -> str:
        if self.ratio is None:
            return ""
        good = reached <= self.ratio if self.at_most else reached >= self.ratio
        return "yes" if good else "no"


FASTER = Goal(None)
"""A ratio that nobody asked for, printed for what it says of the others."""


@dataclass(frozen=True)
class Result:
    """A line of the table: seconds of ours and of the peer, and the ratio that was asked for."""

    title: str
    ours: float
    theirs: float
    goal: Goal
    note: str = ""

    @property
    def reached(self) -> float:
        """How many times as fast as the peer ours is; where at most was asked, as long."""
        return self.ours / self.theirs if self.goal.at_most else self.theirs / self.ours


@dataclass(frozen=True)
class How:
    """What a benchmark is asked for: a smoke run or the whole, how often, with data from where."""

    quick: bool = False
    repeats: int = 5
    root: Path | None = None


class Trained(NamedTuple):
    """What one training took, and the loss that it ended with."""

    seconds: float
    loss: float


def in_turns(ways: Sequence[Callable[[int], T]], repeats: int) -> list[list[T]]:
    """What each way gives for seeds 0, 1, …, all ways of a seed before the next seed; each goes
    first as often as the others.
    """
    found: list[list[T]] = [[] for _ in ways]
    for seed in range(repeats):
        for place in range(len(ways)):
            which = (seed + place) % len(ways)
            found[which].append(ways[which](seed))
    return found


def compare_trainings(
    title: str,
    goal: Goal,
    ours: Callable[[int], Trained],
    theirs: Callable[[int], Trained],
    how: How,
) -> Result:
    """Both train from each seed; AssertionError where they do not come to the same loss."""
    mine, its = in_turns([ours, theirs], how.repeats)
    note = assert_same_loss(title, *([one.loss for one in some] for some in (mine, its)))
    medians = (statistics.median(one.seconds for one in some) for some in (mine, its))
    return Result(title, *medians, goal, note)


def processor_seconds(work: Callable[[], object]) -> float:
    """Of this process, so that what else the machine does counts little."""
    start = time.process_time()
    work()
    return time.process_time() - start


def assert_same_loss(title: str, ours: Sequence[float], theirs: Sequence[float]) -> str:
    """Two programs train to the same loss within the noise of seeds (Welch's test); in words."""
    words = " and ".join(
        f"{statistics.mean(some):.4g} ± {statistics.stdev(some):.2g}" for some in (ours, theirs)
    )
    chance = float(stats.ttest_ind(ours, theirs, equal_var=False).pvalue)
    if chance < CHANCE:
        raise AssertionError(f"{title}: ours and theirs train to other losses, {words}")
    return f"losses {words}"


WIDTH = 54
"""Of a title."""


def print_head() -> None:
    """The head of the table."""
    print(f"{'':{WIDTH}} {'ours':>9} {'theirs':>9}  {'asked':>6} {'reached':>8}")


def print_row(result: Result) -> None:
    """Asked and reached."""
    print(
        f"{result.title:{WIDTH}} {result.ours:7.2f} s {result.theirs:7.2f} s"
        f"  {result.goal!s:>6} {result.reached:7.2f}×  {result.goal.met(result.reached):3}"
        f"  {result.note}".rstrip(),
        flush=True,
    )


LIBRARIES = (
    "torch", "torchvision", "numpy", "scipy", "pandas", "mlflow", "diffusers", "accelerate",
    "pythae", "torchcfm", "vector-quantize-pytorch", "timm", "torch-fidelity", "clean-fid",
    "torchmetrics", "scikit-image",
)  # fmt: skip
"""Whose versions the output names, where they are installed."""


def machine() -> str:
    """Hardware, versions and kernels of linear algebra, and how busy others keep the machine."""
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{Numerics.resolve('cpu').name}, {os.cpu_count()} cores, {load}; "
        f"Python {platform.python_version()}, {', '.join(versions())}\n"
        f"{'; '.join(kernels())}"
    )


def versions(names: Sequence[str] = LIBRARIES) -> list[str]:
    """`torch 2.14.1`, of those that are installed."""
    found = []
    for name in names:
        with suppress(PackageNotFoundError):
            found.append(f"{name} {version(name)}")
    return found


def kernels() -> list[str]:
    """The libraries of linear algebra and of threads that are loaded, by threadpoolctl: each with
    its version, the kernels that it chose for this processor, and its threads; and what torch's own
    are built for.
    """
    import numpy.linalg  # noqa: F401, PLC0415 - loads NumPy's BLAS
    import scipy.linalg  # noqa: F401, PLC0415 - and SciPy's, which may be another

    loaded = [
        " ".join(
            str(part)
            for part in (
                pool["internal_api"], pool["version"], pool.get("architecture"),
                f"({pool['prefix']}, {pool['num_threads']} threads)",
            )
            if part
        )
        for pool in threadpool_info()
    ]  # fmt: skip
    mkl = "with" if torch.backends.mkl.is_available() else "without"
    own = f"torch: {torch.backends.cpu.get_cpu_capability()}, {mkl} MKL"
    return [*dict.fromkeys(loaded), own]


def run(about: str, rows: Mapping[str, Callable[[How], Result | list[Result]]]) -> None:
    """The command of a benchmark: measures the rows that are asked for and prints the table."""
    options = argparse.ArgumentParser(description=about.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="a little work, to see that it runs")
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument(
        "--only", default="", help=f"rows with this in their name: {', '.join(rows)}"
    )
    options.add_argument("--data-root", type=Path)
    asked = options.parse_args()
    how = How(asked.quick, asked.repeats, asked.data_root)
    print(machine())
    print_head()
    for name, measure in rows.items():
        if asked.only not in name:
            continue
        try:
            found = measure(how)
        except ImportError as error:
            print(f"{name} is left out: {error}")
            continue
        for result in found if isinstance(found, list) else [found]:
            print_row(result)


def one_thread() -> torch.device:
    """The CPU as a cell has it: one thread, repeatable sums."""
    torch.optim.Adam([torch.zeros(1)])  # what the first optimiser loads takes seconds
    return Numerics.resolve("cpu").apply()
