"""Training curves are evidence: of a run that has just trained, and of one measured again."""

import csv
from pathlib import Path

import pytest
import torch
from running import Inside

from harness.config.recipe import load_recipe
from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.evaluation.protocols import EvalConfig, obstacle
from harness.evaluation.subject import model_subject, samples_subject
from harness.evaluation.training_curves import training_curve
from harness.families import build_family
from harness.metrics import load_metric
from harness.metrics.training_curves import generator_gradient_norm
from harness.plan import shape_of
from harness.tracking import Store, default_uri

NORM = "generator_gradient_norm"
SUITE = """\
title: T
seeds: [0]
budget: {images: 640}
samples: 40
datasets: [digits]
models: [gan/dcgan, vae/vae]
metrics: [generator_gradient_norm, parameters]
"""


def test_points_of_a_run_become_a_curve_of_each_name():
    curves = training_curve(
        [(8, "train/a/loss", 1.5), (8, "train/b/x", 2.0), (16, "train/a/loss", 1)]
    )
    assert curves["a/loss"].tolist() == [[8, 1.5], [16, 1]]
    assert curves["b/x"].tolist() == [[8, 2]]


def test_the_last_tenth_of_the_images_is_averaged():
    curve = torch.tensor([[10.0 * i, i] for i in range(1, 11)], dtype=torch.float64)
    assert generator_gradient_norm(curve).value == 10
    late = torch.tensor([[90.0, 7], [91, 1], [95, 2], [100, 6]])
    assert generator_gradient_norm(late).value == 3


@pytest.mark.parametrize("shape", [(0, 2), (4,), (4, 3)])
def test_no_curve_is_no_value(shape: tuple[int, ...]):
    with pytest.raises(BadInput, match="P×2 of images and values"):
        generator_gradient_norm(torch.zeros(shape))


def test_a_model_without_the_player_is_told():
    dataset, setup = load_dataset("digits"), EvalConfig({}, samples=40)

    def reason(metric: str, name: str) -> str | None:
        recipe = load_recipe(name)
        family = build_family(recipe.family, recipe.settings, shape_of(dataset))
        subject = model_subject(name, family, dataset, 40)
        return obstacle(load_metric(metric), subject, setup)

    assert reason("generator_gradient_norm", "gan/dcgan") is None
    assert reason("generator_gradient_norm", "vae/vae") == "vae/vae has no generator"
    assert reason("weights_at_bound", "gan/dcgan") == "gan/dcgan clips no weights"
    external = samples_subject("theirs", dataset, 40)
    assert obstacle(load_metric("generator_gradient_norm"), external, setup)


def run(folder: Path, suite: str) -> float | None:
    """Runs a suite there; the norm that it measured, if it did."""
    (folder / "small.yaml").write_text(suite)
    ended = Inside(folder)("run", "small.yaml", "--jobs", "1")
    assert ended.returncode == 0, ended.stderr
    rows = csv.DictReader((folder / "runs/small/results.csv").read_text().splitlines())
    values = {row["metric"]: row["value"] for row in rows if row["model"] == "gan/dcgan"}
    return float(values[NORM]) if NORM in values else None


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    folder = tmp_path_factory.mktemp("user")
    value = run(folder, SUITE)
    assert value is not None
    return folder, value


@pytest.mark.slow
def test_a_restored_run_has_the_curve_without_training_again(
    finished: tuple[Path, float], tmp_path: Path
):
    folder, value = finished
    store = Store(default_uri(folder / "runs"), folder / "runs")
    runs = store.client.search_runs([e.experiment_id for e in store.client.search_experiments()])
    curves = [training_curve(store.curves(run.info.run_id)) for run in runs]
    (norms,) = [curve["generator/gradient_norm"] for curve in curves if "generator/loss" in curve]
    assert value == pytest.approx(float(norms[norms[:, 0] > 576][:, 1].mean()))
    assert run(tmp_path, SUITE.replace(f"{NORM}, ", "")) is None
    assert run(tmp_path, SUITE) == value


@pytest.mark.slow
def test_the_report_draws_the_norms_beside_the_losses(
    finished: tuple[Path, float],
):
    (page,) = finished[0].glob("runs/small/**/index.html")
    text = page.read_text(encoding="utf-8")
    assert "Losses of gan/dcgan" in text
    assert "Norms of gradients of gan/dcgan" in text
