"""What the options of a recipe gain on a CPU: channels-last, bf16, compiled losses.

    python benchmarks/training_options.py [--quick] [--repeats 3] [--only TEXT] [--data-root DIR]

For each kind of model of `training.py`, the recipe with an option against the recipe as it is, in
turns, on one thread, timed by its processor time. No published recipe has these options by default.
Rows named `compile` are of losses that `torch.compile` compiled: the time of a step, without the
minute or so that compiling takes. `--only options` leaves them out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

from side_by_side import FASTER, How, Result, in_turns, run
from training import BARE, Work

from harness.config.recipe import load_recipe
from harness.core.cuda_graphs import Accelerate
from harness.data import load_dataset

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "channels last": {"memory_format": "channels_last"},
    "bf16": {"precision": "bf16"},
}
PART = 0.25
"""Of a row's steps in `training.py`: five trainings of each kind are to take seconds."""
FEW = 3
"""Steps whose time is subtracted where the first takes longer than the others."""


def work_of(kind: str, how: How, settings: Mapping[str, Any]) -> Work:
    """The training of a kind, with these settings, for a part of the steps."""
    _, model, dataset, steps, changes = BARE[kind]
    recipe = load_recipe(model)
    recipe = replace(recipe, settings=recipe.settings | dict(changes) | dict(settings))
    dataset = "digits" if how.quick and dataset.startswith("mnist") else dataset
    return Work(recipe, load_dataset(dataset, how.root), 10 if how.quick else round(PART * steps))


def options_of(kind: str, how: How) -> list[Result]:
    """A line for each option, against the recipe as it is."""
    works = [work_of(kind, how, settings) for settings in ({}, *OPTIONS.values())]
    ways = [lambda seed, work=work: work.ours(seed) for work in works]  # type: ignore[misc]
    plain, *others = in_turns(ways, how.repeats)
    return [
        Result(
            f"{kind}: {name}", _median(trained), _median(plain), FASTER,
            f"losses {trained[-1].loss:.4g} and {plain[-1].loss:.4g}",
        )
        for name, trained in zip(OPTIONS, others, strict=True)
    ]  # fmt: skip


def _median(trained: Sequence[Any]) -> float:
    return median(one.seconds for one in trained)


def compiled(kind: str, how: How) -> Result:
    """Steps of compiled losses, and as they are, after some whose time does not count."""
    work = work_of(kind, how, {})
    first = replace(work, steps=FEW)

    def seconds(accelerate: Accelerate) -> Callable[[int], float]:
        return lambda seed: max(
            1e-3,
            work.ours(seed, accelerate=accelerate).seconds
            - first.ours(seed, accelerate=accelerate).seconds,
        )

    ours, theirs = map(median, in_turns([seconds("compile"), seconds("off")], how.repeats))
    return Result(f"{kind}: compiled", ours, theirs, FASTER)


ROWS: Mapping[str, Callable[[How], Result | list[Result]]] = {
    **{f"options {kind}": partial(options_of, kind) for kind in BARE},
    **{f"compile {kind}": partial(compiled, kind) for kind in BARE},
}

if __name__ == "__main__":
    run(__doc__, ROWS)
