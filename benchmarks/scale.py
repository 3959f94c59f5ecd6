"""How planning, looking up and reporting grow with the cells of a suite, up to 10,000 of them.

    python benchmarks/scale.py [--quick] [--cells 100 1000 10000] [--only board] [--plot FILE.svg]

Nothing is trained. A suite of ten datasets and ten models has more and more seeds; one cell is
logged the way cells are, and the others are copies of it in the tracking store with names, keys and
numbers of their own. Then, in a process of its own for each size: the plan; the look-up of what is
left, which is how a run goes on; the table with its leaderboards; the whole report; and what
`harness leaderboard` does, which is to read the store, to rank what it has, and to write the page
and every other form. Beside them the metrics of as many images: FID, KID, precision, recall,
density and coverage of features of 2,048 numbers. Each takes seconds of the processor, and memory
beyond what the process had before: its growth from one size to the next is printed beside that of
the table.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
import yaml
from matplotlib.figure import Figure
from metrics import features
from PIL import Image
from side_by_side import machine

from harness.config.suite import load_suite
from harness.core.measurement import Measurement
from harness.engine.execute import open_site, unfinished
from harness.evaluation.pictures.sheets import png_bytes
from harness.leaderboards.collection import EntryFilter, collect_entries
from harness.leaderboards.standings import Standings, standings
from harness.metrics import Subsets, frechet_distance, kernel_distances, prdc
from harness.plan import Cell, Plan, make_plan
from harness.report.boards import latex, pages, record
from harness.report.boards.view import Leaderboard
from harness.report.publish import gather, publish
from harness.tracking import Store, default_uri
from harness.tracking.cell_uses import USE
from harness.tracking.records import NUMBER
from harness.training import memory

DATASETS = ["digits", *(f"digits[unseen={k}]" for k in range(9))]
MODELS = 10
METRICS = ["mse", "mae", "psnr", "training_time", "parameters", "peak_memory"]
CURVE = 100
"""Points."""
FEATURES = 2048
"""Numbers of an image that metrics compare."""


def write_suite(folder: Path, cells: int) -> Path:
    """A suite of so many cells."""
    models = []
    for width in range(MODELS):
        models.append(f"model{width}.yaml")
        recipe = {"extends": "autoencoder/mlp", "latent": 1 + width}
        (folder / models[-1]).write_text(yaml.safe_dump(recipe))
    suite = {
        "title": "Synthetic", "seeds": list(range(cells // (MODELS * len(DATASETS)))),
        "budget": {"images": 1000}, "datasets": DATASETS, "models": models, "metrics": METRICS,
        "claims": [
            {
                "id": "one", "statement": "A code of two numbers says more.", "source": "none",
                "metric": "mse", "model": models[1], "against": models[0], "datasets": DATASETS,
            }
        ],
    }  # fmt: skip
    file = folder / "synthetic.yaml"
    file.write_text(yaml.safe_dump(suite))
    return file


def fill(plan: Plan, store: Store, folder: Path) -> None:
    """Every cell of the plan, in the store as if it had run."""
    first, *others = plan.cells
    parent = open_site(plan, store, folder, 20.0).parent
    params = {
        "dataset": first.dataset, "model": first.model, "seed": first.seed,
        "budget.images": first.images, "family": first.family, "code": first.code,
    }  # fmt: skip
    opened = store.open_cell(parent, first.name, first.training_key, params)
    store.add_use(opened, first.used_by(parent))
    run = opened.run_id
    store.set_status(run, "trained", seconds=1.0, images=1000, steps=4, parameters=1000)
    curve = [(1000 * i // CURVE, "train/model/loss", 1 / i) for i in range(1, CURVE + 1)]
    store.log_curves(run, curve)
    store.record(run, rows(first))
    picture = png_bytes(Image.new("L", (160, 64), "grey"))
    store.put(run, "pictures/reconstructions.png", picture)
    store.finish(run)
    with sqlite3.connect(folder / "mlflow.db") as database:
        copy(database, run, first, others)


def rows(cell: Cell) -> list[Measurement]:
    """Numbers of a cell, that differ by model and by seed."""
    draws = random.Random(f"{cell.model} {cell.seed}")
    return [
        replace(w.without("ok", ""), value=draws.lognormvariate(0, 0.1), reason="")
        if w.obstacle is None
        else w.without("not applicable", "")
        for w in cell.planned_measurements
    ]


def copy(database: sqlite3.Connection, run: str, first: Cell, others: list[Cell]) -> None:
    """What the store has of `run`, once more for each of the other cells."""
    for table in ("runs", "params", "latest_metrics", "metrics", "tags"):
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        owned = database.execute(f"SELECT * FROM {table} WHERE run_uuid = ?", (run,)).fetchall()
        template = [dict(zip(columns, row, strict=True)) for row in owned]
        marks = ", ".join("?" * len(columns))
        names = ", ".join(f'"{column}"' for column in columns)
        database.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks})",
            (
                tuple(row[column] for column in columns)
                for cell in others
                for row in renamed(table, template, cell)
            ),
        )


def renamed(table: str, template: list[dict[str, Any]], cell: Cell) -> Iterator[dict[str, Any]]:
    """The rows of a table with a cell's names, keys and numbers."""
    run = uuid.uuid5(uuid.NAMESPACE_OID, cell.training_key).hex
    tags = {
        "harness.training_key": cell.training_key, "mlflow.runName": cell.name,
        "harness.dataset": cell.dataset, "harness.model": cell.model,
        "harness.seed": str(cell.seed),
    }  # fmt: skip
    for row in template:
        new = row | {"run_uuid": run}
        if table == "runs":
            new |= {"name": cell.name, "artifact_uri": f"{row['artifact_uri']}/{run}"}
        if table == "tags" and row["key"].startswith((NUMBER, USE)):
            continue
        if table == "tags":
            new["value"] = tags.get(row["key"], row["value"])
        yield new
    if table == "tags":
        parent = next(row["value"] for row in template if row["key"] == "mlflow.parentRunId")
        use = cell.used_by(parent)
        yield {"key": use.tag, "value": use.to_json(), "run_uuid": run}
        for number in rows(cell):
            yield {
                "key": f"{NUMBER}{number.metric}.{number.key}", "value": number.to_json(),
                "run_uuid": run,
            }  # fmt: skip


def measured(step: Callable[[], Any]) -> tuple[Any, float, float]:
    """What a step gives, its seconds of the processor, and the MB that it took at most."""
    cpu = torch.device("cpu")
    before, start = memory.start(cpu), time.process_time()
    found = step()
    return found, time.process_time() - start, (memory.peak(cpu) - before) / 1e6


Took = dict[str, tuple[float, float]]
"""Seconds and MB of each step."""


def child(folder: Path, cells: int, only: str) -> Took:
    """The steps on a suite of so many cells: all of them, or those of "suite" or "board"."""
    file = write_suite(folder, cells)
    took: Took = {}

    def step(name: str, work: Callable[[], Any]) -> Any:
        found, *took[name] = measured(work)
        gc.collect()
        return found

    plan: Plan = step("plan", lambda: make_plan(load_suite(str(file)), "cpu", None))
    store = Store(default_uri(folder), folder)
    fill(plan, store, folder)
    if only != "board":
        left = step("look-up", lambda: unfinished(plan, store))
        assert not left, f"{len(left)} cells are not found to be done"
        results = step(
            "table", lambda: gather(plan, store, plan.records(store), with_pictures=False)
        )
        assert len(results.table) == cells * len(METRICS)
        del results
        step("report", lambda: publish(plan, store, folder, None))
    if only != "suite":
        collected = step("read", lambda: collect_entries(store, EntryFilter()))
        assert len(collected.table) == cells * len(METRICS)
        found = step("ranks", lambda: standings(collected, METRICS, plan.cells[0].model))
        assert len(found.boards) == len(DATASETS) * len(METRICS)
        step("forms", lambda: forms(found))
    if not only:
        pair = [features(cells, FEATURES, seed) for seed in (0, 1)]
        step("metrics", partial(compute_metrics, *pair))
    return took


def compute_metrics(a: torch.Tensor, b: torch.Tensor) -> None:
    """FID, KID, precision, recall, density and coverage."""
    frechet_distance(a, b)
    kernel_distances(a, b, Subsets(size=min(1000, len(a))))
    prdc(a, b)


def forms(found: Standings) -> list[str]:
    """The leaderboard in all its forms."""
    board = Leaderboard(found, "", "")
    return [
        pages.boards_html(board), pages.boards_markdown(board),
        latex.latex(board), record.csv(board),
        record.boards_json(board),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="100 and 200 cells")
    parser.add_argument("--cells", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--only", choices=["suite", "board"], default="", help="half of the steps")
    parser.add_argument("--plot", type=Path, help="an .svg of seconds against cells or images")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(child(Path(folder), asked.child, asked.only)))
        return
    print(machine())
    sizes = [100, 200] if asked.quick else asked.cells
    found = {}
    for cells in sizes:
        command = [sys.executable, __file__, "--child", str(cells)]
        command += ["--only", asked.only] if asked.only else []
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        found[cells] = json.loads(done.stdout.splitlines()[-1])
    print_table(found)
    if asked.plot:
        plot(found, asked.plot)


def plot(found: Mapping[int, Mapping[str, tuple[float, float]]], file: Path) -> None:
    """Seconds of each step against its size, on logarithmic axes, with the slope of what grows in
    proportion.
    """
    sizes = sorted(found)
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for step, marker in zip(found[sizes[0]], "osD^vPX*", strict=False):
        seconds = [max(0.01, found[size][step][0]) for size in sizes]
        axes.loglog(sizes, seconds, marker=marker, label=step)
    axes.loglog(sizes, [size / 1000 for size in sizes], "k:", label="in proportion")
    axes.set(xlabel="cells; images for the metrics", ylabel="seconds of one core")
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(file, metadata={"Date": None})


def print_table(found: Mapping[int, Mapping[str, tuple[float, float]]]) -> None:
    """A line a size: seconds and MB of each step; then by how much they grew, of what there was to
    begin with at least a hundredth of a second and a MB.
    """
    steps = list(next(iter(found.values())))
    print(f"{'cells':>8}" + "".join(f"{step:>22}" for step in steps))
    for cells, took in found.items():
        columns = (f"{took[s][0]:10.2f} s{took[s][1]:7.0f} MB" for s in steps)
        print(f"{cells:8,}" + "".join(f"{column:>22}" for column in columns))
    few, many = min(found), max(found)
    growth = (
        f"{found[many][s][0] / max(0.01, found[few][s][0]):9.1f}× "
        f"{found[many][s][1] / max(1, found[few][s][1]):7.1f}×"
        for s in steps
    )
    print(f"{many / few:7.0f}×" + "".join(f"{column:>22}" for column in growth))


if __name__ == "__main__":
    main()
