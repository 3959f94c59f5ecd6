"""The regression gate on models that are really trained: it finds seeded faults, and stays quiet on
reruns with other seeds.

A diffusion model of a few thousand weights learns eight Gaussians on a circle, about a second a
seed. `benchmarks/soundness.py` has the rates of false alarms and of detections.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from running import Inside
from torch import Tensor

from harness.families import diffusion
from harness.samplers.levels import NoiseLevels

pytestmark = pytest.mark.slow

RECIPE = """\
extends: diffusion/mlp
width: 64
depth: 2
batch_size: 128
timesteps: 100
optimizer: {lr: 2.0e-2}
sampling: {steps: 10, eta: 0.0}
"""
SUITE = """\
title: A small model to guard
seeds: [0, 1, 2, 3, 4]
budget: {images: 60_000}
samples: 1_000
datasets: [ring]
models: [small.yaml]
metrics: [fid, mode_kl_exact]
"""
RERUNS = 10
SEEDS = 3


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """A folder with a baseline of ten seeds. How torch computes is put back afterwards."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "small.yaml").write_text(RECIPE)
    (folder / "guarded.yaml").write_text(SUITE)
    command = Inside(folder)
    ran = command("run", "guarded.yaml", "--seeds", "0-9", "--jobs", "1")
    assert ran.returncode == 0, ran.stderr
    saved = command("baseline", "save", "guarded.yaml", "--seeds", "0-9", "-o", "baseline.json")
    assert saved.returncode == 0, saved.stderr
    yield command
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def check(harness: Inside, *options: str) -> tuple[int, str]:
    """The exit code and what was printed."""
    found = harness("check", "guarded.yaml", "--baseline", "baseline.json", "--jobs", "1", *options)
    print(found.stdout)
    return found.returncode, found.stdout + found.stderr


def without_average(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "small.yaml").write_text(RECIPE + "ema: 0.0\n")


def ten_times_the_learning_rate(folder: Path, _: pytest.MonkeyPatch) -> None:
    (folder / "small.yaml").write_text(RECIPE.replace("2.0e-2", "2.0e-1"))


def samples_of_a_smaller_range(_: Path, patch: pytest.MonkeyPatch) -> None:
    """As if samples spanned [-0.95, 0.95] in place of [-1, 1]."""
    sample = diffusion.Diffusion.sample

    def scaled(self: diffusion.Diffusion, n: int, generator: torch.Generator) -> Tensor:
        return 0.95 * sample(self, n, generator)

    patch.setattr(diffusion.Diffusion, "sample", scaled)


def sampler_of_too_little_noise(_: Path, patch: pytest.MonkeyPatch) -> None:
    """Each step keeps five per cent less of the noise than the next timestep has."""
    next_ones = NoiseLevels.next_ones

    def weakened(self: NoiseLevels) -> tuple[Tensor, Tensor]:
        signal, noise = next_ones(self)
        return signal, 0.95 * noise

    patch.setattr(NoiseLevels, "next_ones", weakened)


FAULTS = [
    without_average,
    ten_times_the_learning_rate,
    samples_of_a_smaller_range,
    sampler_of_too_little_noise,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_seeded_regression_is_found(
    harness: Inside, monkeypatch: pytest.MonkeyPatch, fault: Callable[..., None]
):
    # A fault in the code changes the code's version, and with it the keys of what was measured.
    monkeypatch.setattr("harness.plan.trained_cells.code_version", lambda family: fault.__name__)
    try:
        fault(harness.folder, monkeypatch)
        code, said = check(harness)
    finally:
        (harness.folder / "small.yaml").write_text(RECIPE)
    assert code == 1, said
    assert "Regression in " in said


def test_ten_reruns_with_other_seeds_are_quiet(harness: Inside):
    last = 10 + RERUNS * SEEDS - 1
    ran = harness("run", "guarded.yaml", "--seeds", f"10-{last}", "--jobs", "1")
    assert ran.returncode == 0, ran.stderr
    found = [
        check(harness, "--seeds", f"{first}-{first + SEEDS - 1}", "--no-run")
        for first in range(10, last, SEEDS)
    ]
    codes = [code for code, _ in found]
    assert set(codes) <= {0, 4}, "\n".join(said for _, said in found)
    assert codes.count(0) > RERUNS / 2, codes
