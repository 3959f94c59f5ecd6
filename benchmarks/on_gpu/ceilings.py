"""What the device can do at most, what a training step asks of it, and which share that is.

The ceilings are measured: a large matrix product for arithmetic, a copy for memory. A step's
arithmetic is that of its matrix products and convolutions; its memory traffic is what its kernels
read and write when none is fused with another, so that of compiled code the share is overstated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from harness.core.cuda_graphs import tensors
from harness.data.loader import Batches
from harness.training.budget import stages
from harness.training.state import TrainingState
from harness.training.step import Step
from on_gpu.bench import Bench


class Cost(NamedTuple):
    """Floating-point operations of a step, and bytes that its kernels read and write."""

    operations: int
    traffic: int


@dataclass(frozen=True)
class Ceilings:
    """Operations a second by precision, and bytes a second."""

    operations: dict[str, float]
    traffic: float

    @classmethod
    def measured(cls, bench: Bench) -> Ceilings:
        """On this device, now."""
        n = bench.matrix

        def product(dtype: torch.dtype) -> float:
            a = torch.randn(n, n, device=bench.device, dtype=dtype)
            return 2 * n**3 / bench.each(lambda: a @ a)

        source = torch.zeros(bench.megabytes * 2**20, dtype=torch.uint8, device=bench.device)
        target = torch.empty_like(source)
        rates = {"fp32": product(torch.float32), "bf16": product(torch.bfloat16)}
        return cls(rates, 2 * source.nbytes / bench.each(lambda: target.copy_(source)))

    def shares(self, cost: Cost, seconds: float, precision: str) -> dict[str, float]:
        """Which part of each ceiling a step of so many seconds reaches."""
        return {
            "share of arithmetic": cost.operations / seconds / self.operations[precision],
            "share of memory bandwidth": cost.traffic / seconds / self.traffic,
        }


class Traffic(TorchDispatchMode):
    """Counts the bytes of what operations are given and give; views are free."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        found = func(*args, **(kwargs or {}))
        given, made = list(tensors([args, kwargs])), list(tensors(found))
        places = {t.untyped_storage().data_ptr() for t in given}
        is_view = made and all(t.untyped_storage().data_ptr() in places for t in made)
        if func._schema.is_mutable or not is_view:
            self.bytes += sum(t.numel() * t.element_size() for t in [*given, *made])
        return found


def cost_of_a_step(bench: Bench, model: str) -> Cost:
    """Of all players, in single precision."""
    step = _step(bench, model)
    step()  # an optimiser makes its moments
    with FlopCounterMode(display=False) as operations:
        step()
    with Traffic() as traffic:
        step()
    return Cost(operations.get_total_flops(), traffic.bytes)


def _step(bench: Bench, model: str) -> Callable[[], object]:
    family = bench.family(model)
    batches = Batches(bench.dataset.train, family.settings.batch_size, 0, bench.device)
    state = TrainingState(family, 0, bench.device)
    state.begin(0, batches)
    step = Step(state, stages(state.phases, 10**6, batches.batch_size)[0], captured=False)
    given = step.draw([batches.batch(0)])
    return lambda: step(given)
