"""Entrants without training are rows of the same table as trained models."""

import json
from pathlib import Path

import pandas as pd
import pytest
from running import Inside

from harness.config.suite import load_suite
from harness.core.errors import SpecError
from harness.plan import make_plan
from harness.plan.planning import check_suite

ENTRANTS = [
    "baseline/pixels", "baseline/mean-image", "pca/pca-8", "disturbed/none", "disturbed/noise-4",
    "disturbed/few-per-class",
]  # fmt: skip
SUITE = f"""
title: With and without training
seeds: [0, 1]
budget: {{images: 320}}
samples: 300
datasets: [digits, "digits[unseen=8]"]
models: [autoencoder/conv, autoencoder/conv-mixture, {", ".join(ENTRANTS)}]
metrics: [fid, recall, authpct, mse, retrieval_precision, auroc, training_time, parameters]
claims:
  - id: noise-raises-fid
    statement: Noise raises FID.
    metric: fid
    model: disturbed/none
    against: disturbed/noise-4
  - id: pca-beats-the-mean
    statement: Principal components reconstruct better than the mean image.
    metric: mse
    model: pca/pca-8
    against: baseline/mean-image
    datasets: [digits]
"""
TRAINED = {"autoencoder/conv", "autoencoder/conv-mixture"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("entrants")
    (place / "suite.yaml").write_text(SUITE)
    ended = Inside(place)("run", "suite.yaml", "--output", "out", "--jobs", "1", "--device", "cpu")
    assert ended.returncode == 0, ended.stderr
    return place


@pytest.fixture(scope="module")
def table(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "out/suite/results.csv")


def values(table: pd.DataFrame, model: str, metric: str, dataset: str = "digits") -> list[float]:
    rows = table[
        (table.dataset == dataset) & (table.model == model) & (table.metric == metric)
    ].sort_values("seed")
    assert set(rows.status) == {"ok"}, rows.reason.tolist()
    return rows.value.tolist()


def obstacle(table: pd.DataFrame, model: str, metric: str, dataset: str = "digits") -> str:
    rows = table[(table.dataset == dataset) & (table.model == model) & (table.metric == metric)]
    assert set(rows.status) == {"not applicable"}
    return str(rows.reason.iloc[0])


def test_they_have_no_budget_and_keys_of_their_own(folder: Path):
    cells = make_plan(load_suite(str(folder / "suite.yaml")), "cpu", None).cells
    images = {cell.model: cell.images for cell in cells if cell.is_trained}
    assert images == {model: 320 if model in TRAINED else 0 for model in images}
    assert len({cell.training_key for cell in cells}) == len(cells)


def test_their_keys_do_not_depend_on_the_budget(tmp_path: Path):
    keys = []
    for images in (320, 640):
        (tmp_path / "suite.yaml").write_text(SUITE.replace("images: 320", f"images: {images}"))
        cells = make_plan(load_suite(str(tmp_path / "suite.yaml")), "cpu", None).cells
        keys.append({cell.training_key for cell in cells if cell.model not in TRAINED})
    assert keys[0] == keys[1]


def test_their_numbers_are_what_they_must_be(table: pd.DataFrame):
    assert values(table, "baseline/pixels", "mse") == [0, 0]
    assert values(table, "disturbed/none", "mse") == [0, 0]
    mean, components = (
        values(table, model, "mse")[0] for model in ("baseline/mean-image", "pca/pca-8")
    )
    assert 0 < components < mean / 2
    # What is fitted to all training images is the same for every seed; what is drawn is not.
    for model in ("baseline/mean-image", "pca/pca-8"):
        first, second = values(table, model, "mse")
        assert first == pytest.approx(second, rel=1e-9)
    for model in ("disturbed/none", "disturbed/noise-4", "pca/pca-8"):
        first, second = values(table, model, "fid")
        assert first != second
    assert max(values(table, "disturbed/none", "fid")) < 2
    assert min(values(table, "disturbed/noise-4", "fid")) > 5
    assert max(values(table, "disturbed/few-per-class", "recall")) < 0.2
    assert min(values(table, "baseline/pixels", "auroc", "digits[unseen=8]")) > 0.9


def test_what_does_not_apply_says_why(table: pd.DataFrame):
    assert obstacle(table, "pca/pca-8", "training_time") == "pca/pca-8 is not trained"
    assert "does not encode" in obstacle(table, "baseline/mean-image", "retrieval_precision")
    assert "does not reconstruct" in obstacle(table, "disturbed/few-per-class", "mse")
    made_of = "disturbed/none is not compared with the training images that it is made of"
    assert obstacle(table, "disturbed/none", "authpct") == made_of


def test_claims_about_them_are_decided_like_any_other(folder: Path):
    verdicts = json.loads((folder / "out/suite/verdicts.json").read_text())["verdicts"]
    outcomes = {verdict["claim"]["id"]: verdict["outcome"] for verdict in verdicts}
    assert outcomes.keys() == {"noise-raises-fid", "pca-beats-the-mean"}
    assert not any("undertrained" in json.dumps(verdict) for verdict in verdicts)


def test_the_report_calls_them_not_trained_and_has_no_ends_of_their_training(folder: Path):
    page = (folder / "out/suite/report.md").read_text()
    models, training = page.partition("## Models, budget and cost")[2].split("| dataset |")[:2]
    assert models.count("| not trained |") == len(ENTRANTS)
    assert not any(f"| {model} |" in training for model in ENTRANTS)
    assert "The budgets differ" not in page


def test_plan_and_leaderboard_call_them_not_trained(folder: Path):
    harness = Inside(folder)
    planned = harness("plan", "suite.yaml", "--output", "other").stdout
    assert planned.count("not trained") >= 2 * len(ENTRANTS)
    assert harness("leaderboard", "--output", "out", "--html", "board.html").returncode == 0
    board = (folder / "board.html").read_text()
    assert board.count("not trained") >= len(ENTRANTS)


def test_they_are_measured_again_without_being_made_again(folder: Path):
    more = SUITE.replace("metrics: [fid,", "metrics: [kid, fid,")
    (folder / "suite.yaml").write_text(more)
    ended = Inside(folder)("run", "suite.yaml", "--output", "out", "--jobs", "1", "--device", "cpu")
    assert ended.returncode == 0, ended.stderr
    again = pd.read_csv(folder / "out/suite/results.csv")
    assert values(again, "pca/pca-8", "kid") != values(again, "disturbed/none", "kid")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "model: pca/pca-8",
            "model: {model: pca/pca-8, at: 0.5}",
            "pca/pca-8@0.5 is a training fraction, and pca/pca-8 is not trained",
        ),
        (
            "model: disturbed/none",
            "model: {model: disturbed/none, at: [0.5, 1]}",
            "disturbed/none@0.5 is a training fraction, and disturbed/none is not trained",
        ),
    ],
)
def test_training_fractions_are_refused_at_their_line(
    tmp_path: Path, old: str, new: str, message: str
):
    (tmp_path / "suite.yaml").write_text(SUITE.replace(old, new))
    with pytest.raises(SpecError, match=rf"suite.yaml:\d+: claim .*{message}"):
        check_suite(load_suite(str(tmp_path / "suite.yaml")))


def test_settings_of_training_are_refused_at_their_line(tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("extends: pca/pca-8\nema: 0.9\n")
    (tmp_path / "suite.yaml").write_text(SUITE.replace("pca/pca-8", "mine.yaml"))
    with pytest.raises(SpecError, match=r"mine\.yaml.*ema is a setting of training steps"):
        check_suite(load_suite(str(tmp_path / "suite.yaml")))
