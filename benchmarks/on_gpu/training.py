"""Training as it is, replayed, compiled, in other precisions and layouts, and as scripts do it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from harness.core.cuda_graphs import Accelerate
from harness.data.loader import Batches
from harness.training.loop import train
from on_gpu import script
from on_gpu.bench import Bench, Pace, Row
from on_gpu.ceilings import Ceilings, cost_of_a_step

MODELS = ("gan/mlp", "vae/vae", "gan/dcgan", "diffusion/ddpm")


@dataclass(frozen=True)
class Mode:
    """A way to train. `far` is how far its losses may be from those of plain steps."""

    name: str
    accelerate: Accelerate = "off"
    precision: str = "fp32"
    memory_format: str = "contiguous"

    @property
    def settings(self) -> dict[str, Any]:
        """Those of the recipe."""
        return {"precision": self.precision, "memory_format": self.memory_format}


PLAIN = Mode("steps as they are")
MODES = (
    PLAIN,
    Mode("graph", "graph"),
    Mode("graph, channels last", "graph", memory_format="channels_last"),
    Mode("graph, bf16", "graph", "bf16"),
    Mode("graph, bf16, channels last", "graph", "bf16", "channels_last"),
    Mode("compiled, graph", "compile"),
    Mode("compiled, graph, bf16", "compile", "bf16"),
)


def rows(bench: Bench, ceilings: Ceilings, models: Sequence[str] = MODELS) -> list[Row]:
    """For each model: every mode, then a script of the kind that people start from."""
    return [row for model in models for row in _of_model(bench, ceilings, model)]


def _of_model(bench: Bench, ceilings: Ceilings, model: str) -> list[Row]:
    timed: dict[str, list[tuple[float, float]]] = {mode.name: [] for mode in MODES}
    losses: dict[str, float] = {}
    scripted: list[tuple[float, float]] = []
    for _ in range(bench.repeats):
        for mode in MODES:
            runs = [_trained(bench, model, mode, steps) for steps in (bench.few, bench.more)]
            timed[mode.name].append((runs[0][0], runs[1][0]))
            losses[mode.name] = runs[1][1]
        scripted.append(
            tuple(  # type: ignore[arg-type]
                bench.seconds(lambda steps=steps: script.train(bench, model, steps))  # type: ignore[misc]
                for steps in (bench.few, bench.more)
            )
        )
    paces = {name: Pace.of(bench, times) for name, times in timed.items()}
    plain, peer = paces[PLAIN.name], Pace.of(bench, scripted)
    cost = cost_of_a_step(bench, model)

    def row(name: str, pace: Pace, precision: str, loss: float | None) -> Row:
        return {
            "model": model,
            "way": name,
            "ms a step": 1e3 * pace.step,
            "s until the first": pace.start,
            "times as fast as plain steps": plain.step / pace.step,
            "times as fast as the script": peer.step / pace.step,
            "breaks even after steps": pace.breaks_even(plain),
            **ceilings.shares(cost, pace.step, precision),
            "last loss": loss,
        }

    found = [row(mode.name, paces[mode.name], mode.precision, losses[mode.name]) for mode in MODES]
    return [*found, row("script", peer, "fp32", None)]


def _trained(bench: Bench, model: str, mode: Mode, steps: int) -> tuple[float, float]:
    """Seconds, capturing and compiling among them, and the last loss read."""
    family = bench.family(model, **mode.settings)
    size, device = family.settings.batch_size, bench.device
    batches = Batches(bench.dataset.train, size, 0, device)
    losses: list[dict[str, float]] = []
    seconds = bench.seconds(
        lambda: train(
            family, batches, steps * size, 0, device=device, accelerate=mode.accelerate,
            report=lambda progress: losses.append(progress.losses),
        )
    )  # fmt: skip
    return seconds, next(iter(losses[-1].values()))


def warm_up(bench: Bench) -> None:
    """What the first training in a process does once."""
    _trained(bench, MODELS[0], PLAIN, 3)
    torch.optim.Adam([torch.zeros(1)])
