"""`harness.run`, `harness.results` and `harness.load_model`: a suite and what it trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from running import Inside

import harness
from harness.api.suites import SuiteOutcome
from harness.data import load_dataset
from harness.data.pixels import to_float

SUITE: dict[str, Any] = {
    "title": "A suite of a notebook",
    "name": "notebook",
    "seeds": [3, 1],
    "budget": {"images": 128},
    "samples": 40,
    "datasets": ["digits"],
    "models": ["vae/vae", "autoencoder/conv"],
    "metrics": ["fid", "mse"],
}
PLACE: dict[str, Any] = {"output": "out", "device": "cpu"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("suites")


@pytest.fixture(autouse=True)
def _there(place: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


@pytest.fixture(scope="module")
def done(place: Path, cache: Path) -> SuiteOutcome:
    """The suite, run once; its results are in `out`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("HARNESS_CACHE", str(cache))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        return harness.run(SUITE, **PLACE)


def test_a_mapping_runs_as_its_file_and_is_not_run_again(done, place):
    assert done.failures == ()
    assert done.page.is_file()
    assert "SuiteOutcome(notebook: " in repr(done)
    (place / "notebook.yaml").write_text(json.dumps(SUITE))
    ended = Inside(place)(
        "run", "notebook.yaml", "--output", "out", "--device", "cpu", "--jobs", "1"
    )
    assert ended.returncode == 0, ended.stderr
    assert "0 of " in ended.stdout


def test_results_are_the_table_of_the_report_to_the_bit(done, place):
    table = harness.results(SUITE, **PLACE)
    pd.testing.assert_frame_equal(table, done.to_frame())
    written = pd.read_csv(done.page.parent / "results.csv", keep_default_na=False)
    assert [float(value) for value in written.value if value] == table.value.dropna().tolist()
    assert table.columns[:5].tolist() == ["dataset", "model", "seed", "metric", "status"]
    some = harness.results(SUITE, models="vae/vae", seeds=[1], **PLACE)
    assert set(some.seed[some.model == "vae/vae"]) == {1}


def test_results_of_what_was_not_run_so(done):
    other = harness.results({**SUITE, "budget": {"images": 640}}, **PLACE)
    assert set(other.model) == {"training images"}, "what is not trained has no budget"
    with pytest.raises(harness.BadInput, match="not run yet"):
        harness.results(SUITE, output="empty")
    assert not Path("empty").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ["vae/va"]}, "suite: unknown model 'vae/va'; did you mean 'vae/vae'"),
        ({"model": ["vae/vae"]}, "suite: unknown key 'model'; did you mean 'models'"),
        ({"seeds": "many"}, "suite: seeds"),
        ({"seeds": [object()]}, "suite: only plain values are taken"),
    ],
)
def test_what_is_wrong_in_a_mapping_is_one_line(change, message):
    with pytest.raises(harness.BadInput, match=message) as raised:
        harness.run({**SUITE, **change}, **PLACE)
    assert "\n" not in str(raised.value)


def test_wrong_changes_are_one_line():
    for keywords, message in (
        ({"seed": 1}, "run: there is no keyword 'seed'; did you mean 'seeds'"),
        ({"budget": "x"}, "run: budget='x': should be a valid integer"),
        ({"models": ["gan/dcgan"]}, "the suite has no model 'gan/dcgan'"),
    ):
        with pytest.raises(harness.BadInput, match=message):
            harness.run(SUITE, **keywords)
    with pytest.raises(harness.BadInput, match="unknown suite 'quikstart'; did you mean"):
        harness.run("quikstart")
    with pytest.raises(harness.BadInput, match="run: jobs=0"):
        harness.run(SUITE, jobs=0)


# -- models of the store ----------------------------------------------------------------------


def test_a_model_by_suite_and_by_run_is_one(done):
    table = done.to_frame()
    run = table[(table.model == "vae/vae") & (table.seed == 1)].run_id.iloc[0]
    model = harness.load_model(SUITE, "vae/vae", 1, **PLACE)
    assert model.run_id == run
    assert repr(model) == f"LoadedModel(vae/vae on digits, seed 1, run {run})"
    other = harness.load_model(f"run:{run}", **PLACE)
    samples = model.sample(120)
    assert torch.equal(other.sample(120), samples)
    assert torch.equal(model.sample(120, seed=1), samples)
    assert not torch.equal(model.sample(120, seed=2), samples)
    assert (samples.shape, samples.dtype) == ((120, 1, 16, 16), torch.float32)
    assert harness.load_model(SUITE, "vae/vae", **PLACE).seed == 3


def test_its_samples_have_the_numbers_of_the_suite_and_of_the_run(done):
    table = done.to_frame()
    cell = table[(table.model == "vae/vae") & (table.seed == 3) & (table.metric == "fid")]
    model = harness.load_model(SUITE, "vae/vae", 3, **PLACE)
    options: dict[str, Any] = {"reference": "digits:test", "metrics": "fid", "device": "cpu"}
    scored = harness.score(model, n=40, **options)
    assert scored["fid"] == pytest.approx(cell.value.iloc[0], rel=1e-9)
    assert harness.score(model.sample(40), **options)["fid"] == scored["fid"]
    run = harness.score(f"run:{model.run_id}", n=40, output="out", **options)
    assert run["fid"] == scored["fid"]


def test_reconstructions_are_those_of_the_suite(done):
    table = done.to_frame()
    cell = table[(table.model == "autoencoder/conv") & (table.seed == 1) & (table.metric == "mse")]
    model = harness.load_model(SUITE, "autoencoder/conv", 1, **PLACE)
    images = load_dataset("digits").test.images
    made = model.reconstruct(images)
    scored = harness.score(made, "digits:test", "mse", pairs=True, device="cpu")
    assert scored["mse"] == pytest.approx(cell.value.iloc[0], rel=1e-9)
    assert torch.equal(model.reconstruct(to_float(images)), made)
    codes = model.encode(images[:5])
    assert len(codes) == 5
    assert torch.equal(model.decode(codes), made[:5])
    assert not made.requires_grad


def test_what_a_model_does_not_do_is_one_line(done):
    model = harness.load_model(SUITE, "autoencoder/conv", 1, **PLACE)
    for call, message in (
        (lambda: model.sample(9), "autoencoder/conv, which makes no new images"),
        (lambda: model.anomaly_scores(torch.zeros(2, 1, 16, 16)), "does not score images"),
        (lambda: model.reconstruct(torch.zeros(2, 3, 16, 16)), "takes images of 1×16×16"),
        (lambda: harness.load_model(SUITE, "gan/dcgan", **PLACE), "no model 'gan/dcgan'"),
        (lambda: harness.load_model(SUITE, **PLACE), "say which model; there is"),
        (lambda: harness.load_model(SUITE, "vae/vae", 7, **PLACE), "no seed 7 in the store"),
        (lambda: harness.load_model("run:0", **PLACE), "run:0: no such run"),
    ):
        with pytest.raises(harness.BadInput, match=message):
            call()
    vae = harness.load_model(SUITE, "vae/vae", **PLACE)
    for keywords, message in (
        ({"n": 2, "labels": [0, 1]}, "vae/vae takes no labels"),
        ({"n": 0}, "n=0: a number from 1 up"),
        ({}, "n=None: a number from 1 up"),
    ):
        with pytest.raises(harness.BadInput, match=message):
            vae.sample(**keywords)
