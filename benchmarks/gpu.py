"""Whether a GPU trains as it should, what it makes of training, sampling and metrics, and how near
that is to what it can do.

    python benchmarks/gpu.py [--quick] [--repeats 3] [--dataset digits] [--data-root DIR]
                             [--device cuda] [--output runs/gpu] [--minutes 10] [--only-correctness]

First a recipe of each family takes a few steps: plain, captured in CUDA graphs, in bf16; and two
trainings share the device (`on_gpu/correctness.py`). Where one of these is wrong it goes on to
measure, and exits with 1. `python -m pytest -m gpu` has the same checks as tests.

Training of an MLP GAN, a VAE, a DCGAN and a U-Net: steps as they are, replayed as CUDA graphs, with
losses compiled first, in bf16 and with channels last, and a script of the kind that people start
from; seeds of small models stacked; DDIM against diffusers' pipeline where that is installed;
metrics on the device. Times are by the clock, ways in turns, medians; compiling and capturing is
counted. Writes `gpu.json` and `gpu.md`, with hardware and versions, into the output folder, again
after each part, so that what is done is kept if it is stopped; parts that would begin after
`--minutes` are left out, and named. Without a GPU it says so and exits with 69.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import side_by_side
import torch
from on_gpu import correctness, kernels, sampling, stacked, training
from on_gpu.bench import Bench, Row
from on_gpu.ceilings import Ceilings

from harness.data import load_dataset
from harness.tracking.environment import environment
from harness.training.numerics import Numerics

CORRECTNESS = "Correctness"
"""The title of the table of checks."""
UNAVAILABLE = 69
"""The exit code where there is no GPU: EX_UNAVAILABLE of sysexits.h."""


Tables = dict[str, list[Row]]
"""Rows by the title of their table."""
Part = tuple[str, Callable[[], Iterable[Row]]]
"""The title of a table, and what makes rows of it."""


def parts(bench: Bench, models: Sequence[str] = training.MODELS) -> Iterator[Part]:
    """What is measured, in order; several parts may have rows of one table."""
    training.warm_up(bench)
    ceilings = Ceilings.measured(bench)
    yield (
        "Ceilings",
        lambda: (
            [
                {"what": f"TFLOP/s, {name}", "measured": rate / 1e12}
                for name, rate in ceilings.operations.items()
            ]
            + [{"what": "memory, GB/s", "measured": ceilings.traffic / 1e9}]
        ),
    )
    yield "DDIM", partial(sampling.rows, bench)
    yield "Metrics", partial(kernels.rows, bench)
    for model in models:
        yield "Training", partial(training.rows, bench, ceilings, [model])
    yield "Seeds at once", partial(stacked.rows, bench)


def measured(
    parts: Iterable[Part],
    keep: Callable[[Tables], None] = lambda tables: None,
    time_left: Callable[[], bool] = lambda: True,
) -> Tables:
    """The tables, by title. They are given to `keep` after each part; a part that finds no
    `time_left` is left out, and counted.
    """
    tables: Tables = {}
    for title, rows in parts:
        if time_left():
            tables.setdefault(title, []).extend(rows())
        else:
            tables.setdefault("Left out", []).append({"for lack of time": title})
        keep(tables)
    return tables


def wrong(tables: Tables) -> list[Row]:
    """The checks that did not pass."""
    return [row for row in tables.get(CORRECTNESS, []) if row["result"] != "ok"]


def write(tables: Mapping[str, Sequence[Row]], facts: Mapping[str, Any], folder: Path) -> None:
    """The tables as JSON and as Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps({"environment": dict(facts), "tables": tables}, indent=2) + "\n"
    (folder / "gpu.json").write_text(content, encoding="utf-8")
    lines = ["# What a GPU makes of it", "", *(f"- {k}: {v}" for k, v in facts.items())]
    for title, rows in tables.items():
        lines += ["", f"## {title}", "", *_table(rows)]
    (folder / "gpu.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _table(rows: Sequence[Row]) -> list[str]:
    cells = [[_text(name, value) for name, value in row.items()] for row in rows]
    return [f"| {' | '.join(row)} |" for row in [[*rows[0]], ["---"] * len(rows[0]), *cells]]


def _text(name: str, value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.0%}" if name.startswith("share") else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    options.add_argument("--quick", action="store_true", help="few steps, to see that it runs")
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--dataset", default="digits")
    options.add_argument("--data-root", type=Path)
    options.add_argument("--device", default="cuda")
    options.add_argument("--output", type=Path, default=Path("runs/gpu"))
    options.add_argument("--minutes", type=float, default=10.0, help="after which no part begins")
    options.add_argument("--only-correctness", action="store_true", help="time nothing")
    asked = options.parse_args()
    if not torch.cuda.is_available():
        print("no GPU here: nothing is measured", file=sys.stderr)
        raise SystemExit(UNAVAILABLE)
    numerics = Numerics.resolve(asked.device)
    few = {"few": 5, "more": 15, "repeats": 1} if asked.quick else {"repeats": asked.repeats}
    dataset = load_dataset(asked.dataset, asked.data_root)
    # A second compilation would find the first one's code, and seem to take no time.
    torch._inductor.config.force_disable_caches = True  # type: ignore[attr-defined]
    facts = {
        "device": numerics.machine,
        **environment(),
        "cuda": torch.version.cuda,
        **{name: version(name) for name in ("triton", "diffusers") if find_spec(name)},
        "kernels on the CPU": "; ".join(side_by_side.kernels()),
        "dataset": dataset.name,
    }
    bench = Bench(numerics.apply(), dataset, **few)
    end = time.monotonic() + 60 * asked.minutes
    first: list[Part] = [
        *((CORRECTNESS, partial(correctness.rows, bench.device, t)) for t in correctness.trials()),
        (CORRECTNESS, lambda: [correctness.packed(bench.device)]),
    ]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="runs without")  # measure what it says, or nothing
        tables = measured(
            first if asked.only_correctness else chain(first, parts(bench)),
            lambda tables: write(tables, facts, asked.output),
            lambda: time.monotonic() < end,
        )
    print((asked.output / "gpu.md").read_text(encoding="utf-8"))
    if wrong(tables):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
