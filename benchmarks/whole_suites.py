"""Five seeds of a model: `harness run`, from the command to the report, against a script.

The script (`peers/example_script.py`) is run for one seed after the other with the threads that
torch takes by itself, as one who has it would; and, for comparison, two at a time with a thread
each, as one would who knows that this is faster. All have two processor cores. Both sides train the
same network on as many images, save its weights and draw a grid of 64 samples; ours also plans,
logs to MLflow and writes a report.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, median
from typing import Any

import psutil
import torch
import torch.nn.functional as F
import yaml
from side_by_side import FASTER, Goal, How, Result, assert_same_loss, in_turns

from harness.config.recipe import load_recipe
from harness.config.suite import load_suite
from harness.data.load import default_root
from harness.families import FAMILIES
from harness.plan import make_plan
from harness.tracking import Store, default_uri

HERE = Path(__file__).parent
SCRIPT = HERE / "peers" / "example_script.py"
CORES = 2
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Suite:
    """A model with what is changed of its recipe, and how many MNIST images each seed is shown."""

    model: str
    changes: dict[str, Any]
    peer: str
    images: int


SUITES = {
    "mlp gan": (Suite("gan/mlp", {"latent": 32}, "mlp-gan", 600_000), 2.0),
    "vae": (Suite("vae/vae", {}, "vae", 60_000), 1.15),
    "dcgan": (Suite("gan/dcgan", {"ema": None}, "dcgan", 60_000), 1.5),
    "ddpm": (Suite("diffusion/ddpm", {}, "ddpm", 6_400), 1.15),
}
"""With the ratio that is asked for. The example of DCGAN keeps no average of its weights."""

IN_BF16 = {"vae": 2.0, "ddpm": 2.0}
"""Asked for where bf16 is faster than fp32."""

CHANNELS_LAST = {"ddpm": 1.15}
"""Asked for in fp32, in whichever memory layout is the faster one for the model."""


@dataclass(frozen=True)
class Ran:
    """Seconds by the clock and of the processors, and each seed's loss at the end of training."""

    wall: float
    processor: float
    losses: list[float]


def compare(name: str, how: How) -> list[Result]:
    """Ours against the script, one seed after the other and two at a time."""
    suite, asked = SUITES[name]
    seeds = list(range(2 if how.quick else 5))
    if how.quick:
        suite = Suite(suite.model, suite.changes, suite.peer, 512)
    ways = [
        partial(ours, suite, seeds, how, {}),
        partial(script, suite, seeds, how, at_a_time=1),
        partial(script, suite, seeds, how, at_a_time=CORES),
    ]
    presets = {}
    if name in CHANNELS_LAST:
        presets["channels-last"] = ({"memory_format": "channels_last"}, CHANNELS_LAST[name])
    if name in IN_BF16 and (gain := gain_of_bf16()) > 1:
        presets["bf16"] = ({"precision": "bf16"}, IN_BF16[name])
    elif name in IN_BF16:
        print(f"{suite.model} in bf16 is left out: it takes {1 / gain:.1f}× the time of fp32 here")
    ways += [partial(ours, suite, seeds, how, changes) for changes, _ in presets.values()]
    with two_cores():
        runs = in_turns([lambda _, way=way: way() for way in ways], how.repeats)
    mine, its, together, *by_preset = runs
    note = assert_same_loss(suite.model, mine[0].losses, its[0].losses)
    title = f"suite: {suite.model}"
    found = [
        _result(title, mine, its, Goal(asked), note),
        _result(f"{title}, scripts two at a time", mine, together, FASTER),
    ]
    for (preset, (_, asked)), runs_of_it in zip(presets.items(), by_preset, strict=True):
        found.append(_result(f"{title} in {preset}", runs_of_it, its, Goal(asked)))
    return found


def _result(title: str, mine: list[Ran], its: list[Ran], goal: Goal, note: str = "") -> Result:
    by_processor = median(run.processor for run in its) / median(run.processor for run in mine)
    note = f"processor time {by_processor:.2f}×; {note}".removesuffix("; ")
    return Result(title, *(median(run.wall for run in some) for some in (mine, its)), goal, note)


def ours(suite: Suite, seeds: list[int], how: How, more: dict[str, Any]) -> Ran:
    """`harness run` with nothing measured but the time of training."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        recipe = {"extends": suite.model, **suite.changes, **more}
        (folder / "model.yaml").write_text(yaml.safe_dump(recipe))
        asked = {
            "title": "Five seeds", "seeds": seeds, "budget": {"images": suite.images},
            "samples": 64, "datasets": ["mnist"], "models": ["model.yaml"],
            "metrics": ["training_time"],
        }  # fmt: skip
        file, output = folder / "suite.yaml", folder / "out"
        file.write_text(yaml.safe_dump(asked))
        command = [sys.executable, "-m", "harness", "run", str(file), "--output", str(output)]
        run = _timed(lambda: _call([*command, "--device", "cpu", *_data_root(how)]))
        return Ran(*run, _losses(file, output, how))


def _losses(file: Path, output: Path, how: How) -> list[float]:
    """The means of the last tenth of each cell's curve."""
    plan = make_plan(load_suite(str(file)), "cpu", how.root)
    store = Store(default_uri(output), output)
    records = store.records([cell.training_key for cell in plan.cells])
    found = []
    for cell in plan.cells:
        points = sorted(store.curves(records[cell.training_key].run_id))
        names = [name for _, name, _ in points]
        wanted = next(n for n in ("train/model/loss", "train/discriminator/loss") if n in names)
        curve = [value for _, name, value in points if name == wanted]
        found.append(fmean(curve[-max(1, len(curve) // 10) :]))
    return found


def script(suite: Suite, seeds: list[int], how: How, *, at_a_time: int) -> Ran:
    """The script for each seed."""
    recipe = load_recipe(suite.model)
    family = FAMILIES.load(recipe.family)
    settings = family.Settings.model_validate(recipe.settings | suite.changes)
    root = how.root or default_root()
    with tempfile.TemporaryDirectory() as scratch:

        def one(seed: int) -> float:
            out = Path(scratch) / str(seed)
            _call(
                [
                    sys.executable, str(SCRIPT), suite.peer, "--seed", str(seed), "--images",
                    str(suite.images), "--data-root", str(root), "--out", str(out), "--settings",
                    settings.model_dump_json(),
                ],
                {} if at_a_time == 1 else {"OMP_NUM_THREADS": "1"},
            )  # fmt: skip
            return float((out / "loss.txt").read_text())

        losses: list[float] = []

        def work() -> None:
            with ThreadPoolExecutor(at_a_time) as slots:
                losses.extend(slots.map(one, seeds))

        return Ran(*_timed(work), losses)


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    """By the clock, and of the processors in all processes that were started."""
    inherit_orphans()
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work()
    wall = time.perf_counter() - start
    for left in psutil.Process().children():  # ours leaves the server of its workers to end
        os.waitpid(left.pid, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def inherit_orphans() -> None:
    """Processes that outlive the one that started them are this one's from now on: prctl(2)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _call(command: list[str], more: Mapping[str, str] = {}) -> None:
    """In another process, on two cores, with as many threads as it takes by itself."""
    drop = ("OMP_NUM_THREADS", "MLFLOW_TRACKING_URI")
    environment = {name: text for name, text in os.environ.items() if name not in drop}
    path = os.pathsep.join(filter(None, [str(HERE.parent), environment.get("PYTHONPATH")]))
    environment |= {"PYTHONPATH": path, **more}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def two_cores() -> Iterator[None]:
    """All processes that are started have the first two of the cores, where a system can say so."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    all_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(all_cores)[:CORES])
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_cores)


def _data_root(how: How) -> list[str]:
    return ["--data-root", str(how.root)] if how.root else []


def gain_of_bf16() -> float:
    """How many times as fast as in fp32 a convolution and its gradients are in bf16 here."""
    convolution = torch.nn.Conv2d(32, 32, 3, padding=1)
    x = torch.randn(32, 32, 28, 28)

    def seconds(dtype: torch.dtype) -> float:
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            start = time.process_time()
            F.mse_loss(convolution(x).float(), x).backward()
            return time.process_time() - start

    single, half = in_turns([lambda _, d=d: seconds(d) for d in (torch.float32, torch.bfloat16)], 7)
    return median(single) / median(half)


ROWS: Mapping[str, Callable[[How], Result | list[Result]]] = {
    f"suite {name}": partial(compare, name) for name in SUITES
}
