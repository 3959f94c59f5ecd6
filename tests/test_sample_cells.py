"""Samples that another program made are measured as a model's own are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from running import Inside

from harness.config.suite import load_suite
from harness.core.errors import BadInput
from harness.core.measurement import HELD_OUT, TRAINING_IMAGES, Measurement
from harness.data import load_dataset
from harness.evaluation.draws import average_draws
from harness.extractors import load_extractor
from harness.metrics import frechet_estimate
from harness.plan import make_plan
from harness.plan.external_samples import evidence_of
from harness.tracking import Record

SUITE = """
title: Theirs and ours
seeds: [0]
budget: {images: 64}
samples: 150
datasets: [digits]
models: [autoencoder/conv, vae/vae]
metrics: [fid, precision, mse, sampling_throughput]
external:
  - {name: theirs, dataset: digits, samples: [theirs0.npz, theirs1.npz]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = load_dataset("digits").train.images.permute(0, 2, 3, 1).numpy()
    for i in range(2):
        np.savez(tmp_path / f"theirs{i}.npz", images[150 * i : 150 * (i + 1)])
    (tmp_path / "suite.yaml").write_text(SUITE)
    return tmp_path


def plan(folder: Path, text: str = SUITE):
    (folder / "suite.yaml").write_text(text)
    return make_plan(load_suite(str(folder / "suite.yaml")), "cpu", None)


def test_they_are_measured_by_the_protocol_of_models(folder: Path):
    cells = {cell.model: cell for cell in plan(folder).cells}
    wanted, own = (
        {w.metric: w for w in cells[m].planned_measurements} for m in ("theirs", "vae/vae")
    )
    assert wanted["fid"].protocol == own["fid"].protocol
    assert wanted["fid"].obstacle is None
    for metric in ("mse", "sampling_throughput"):
        assert wanted[metric].obstacle == "of theirs there are only samples"


def test_a_cell_a_file_with_keys_of_the_images_alone(folder: Path):
    before = [cell for cell in plan(folder).cells if cell.model == "theirs"]
    assert [cell.seed for cell in before] == [0, 1]
    (folder / "theirs0.npz").rename(folder / "renamed.npz")
    after = plan(folder, SUITE.replace("theirs0", "renamed")).cells
    keys = {cell.training_key for cell in before}
    assert keys == {cell.training_key for cell in after if cell.model == "theirs"}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("theirs0.npz", "../theirs0.npz", "must lie below the suite's folder"),
        ("theirs0.npz", "digits:test", "no such file or folder"),
        ("theirs0.npz", "small.npy", r"small.npy: images are 1×8×8, digits's 1×16×16 \(C×H×W\)"),
    ],
)
def test_what_cannot_be_is_named_with_file_and_line(folder: Path, old: str, new: str, message: str):
    np.save(folder / "small.npy", torch.zeros(200, 8, 8, dtype=torch.uint8).numpy())
    with pytest.raises(BadInput, match=message) as caught:
        plan(folder, SUITE.replace(old, new))
    assert "suite.yaml:10" in str(caught.value)


@pytest.mark.slow
def test_they_join_the_leaderboard(folder: Path):
    command = Inside(folder)
    ended = command("run", "suite.yaml", "--jobs", "1")
    assert ended.returncode == 0, ended.stderr
    table = pd.read_csv(folder / "runs/suite/results.csv")
    theirs = table[(table.model == "theirs") & (table.metric == "fid")]
    assert sorted(theirs.seed) == [0, 1]
    assert (theirs.status == "ok").all()
    ours = table[(table.model == "vae/vae") & (table.metric == "fid")]
    assert set(theirs.protocol) == set(ours.protocol)
    floor = table[(table.model == "training images") & (table.metric == "fid")]
    assert set(floor.protocol) == set(ours.protocol)
    assert floor.value.item() < ours.value.min()
    assert theirs.value.max() < ours.value.min(), "real images beat an untrained VAE"
    assert "Made elsewhere" in (folder / "runs/suite/index.html").read_text()
    again = command("run", "suite.yaml", "--jobs", "1")
    assert "0 of 5 cells to run" in again.stdout


def test_an_external_file_is_one_draw_and_training_images_are_as_many_as_models_samples(
    folder: Path,
):
    cells = {cell.model: cell for cell in plan(folder, SUITE + "draws: 3\n").cells}
    labels = {
        model: {w.metric: w.protocol.label() for w in cell.planned_measurements}
        for model, cell in cells.items()
    }
    assert "draws=3" in labels["vae/vae"]["fid"]
    assert labels["training images"]["fid"] == labels["vae/vae"]["fid"]
    assert "draws" not in labels["theirs"]["fid"]
    assert "draws" not in labels["autoencoder/conv"]["mse"]
    dataset = load_dataset("digits")
    floor = [evidence_of(cells["training images"], dataset, draw)["samples"] for draw in range(3)]
    together = torch.cat(floor)
    assert len(together) == 450
    assert len(together.unique(dim=0)) == 450, "three draws have no image in common"


def test_a_list_of_files_is_the_draws_of_one_model(folder: Path):
    text = SUITE.replace("[theirs0.npz, theirs1.npz]", "[[theirs0.npz, theirs1.npz]]")
    cells = {cell.model: cell for cell in plan(folder, text + "draws: 2\n").cells}
    theirs, dataset = cells["theirs"], load_dataset("digits")
    wanted, own = (
        {w.metric: w for w in cells[m].planned_measurements} for m in ("theirs", "vae/vae")
    )
    assert wanted["fid"].protocol == own["fid"].protocol
    assert "draws=2" in wanted["fid"].protocol.label()
    found = [evidence_of(theirs, dataset, draw)["samples"] for draw in range(2)]
    assert torch.equal(torch.cat(found), dataset.train.images[:300])
    with pytest.raises(BadInput, match="was changed while the suite ran"):
        evidence_of(replace(theirs, draws=("another",)), dataset)
    np.savez(folder / "theirs1.npz", np.load(folder / "theirs0.npz")["arr_0"])
    with pytest.raises(BadInput, match="the same images; a draw must count once"):
        plan(folder, text)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::harness.metrics.base.Caveat")
def test_numbers_of_samples_are_means_over_draws(folder: Path):
    text = SUITE.replace("models: [autoencoder/conv, vae/vae]", "models: [vae/vae]\ndraws: 3")
    text = text.replace("precision", "authpct")
    (folder / "suite.yaml").write_text(text)
    ended = Inside(folder)("run", "suite.yaml", "--jobs", "1")
    assert ended.returncode == 0, ended.stderr
    table = pd.read_csv(folder / "runs/suite/results.csv").set_index(["model", "metric"])
    ours, floor = (table.loc[(model, "fid")] for model in ("vae/vae", "training images"))
    assert ours.protocol == floor.protocol
    assert "draws=3" in ours.protocol
    assert ours.reason.startswith("standard deviation between the 3 draws") or ";" in ours.reason
    cell = next(c for c in plan(folder, text).cells if c.model == "training images")
    dataset, network = load_dataset("digits"), load_extractor("classifier:digits", "cpu")
    reference = network.extract(dataset.test.images).pooled
    draws = [
        network.extract(evidence_of(cell, dataset, draw)["samples"]).pooled for draw in range(3)
    ]
    expected = average_draws([frechet_estimate(x, reference) for x in draws], shared=True)
    assert floor.value == pytest.approx(expected.value, rel=1e-6)
    assert floor.stderr == pytest.approx(expected.stderr, rel=1e-5)


@pytest.mark.slow
def test_a_suite_says_of_external_samples_what_score_does(folder: Path):
    """The project's own test images in place of samples: FID 0, and the report says why."""
    images = load_dataset("digits").test.images.permute(0, 2, 3, 1).numpy()
    np.savez(folder / "theirs0.npz", images)
    one = SUITE.replace(", theirs1.npz", "").replace("[autoencoder/conv, vae/vae]", "[vae/vae]")
    text = one.replace("[fid, precision, mse, sampling_throughput]", "[fid]")
    (folder / "suite.yaml").write_text(text.replace("samples: 150", "samples: 599"))
    ended = Inside(folder)("run", "suite.yaml", "--jobs", "1", "--device", "cpu")
    assert ended.returncode == 0, ended.stderr
    said = "samples and reference are the same images"
    table = pd.read_csv(folder / "runs" / "suite" / "results.csv")
    row = table[table["model"] == "theirs"].iloc[0]
    assert said in row["reason"]
    assert pd.isna(row["stderr"])
    for name in ("index.html", "report.md"):
        assert said in (folder / "runs" / "suite" / name).read_text()


def test_boards_show_the_numbers_of_the_files_that_are_there_now(folder: Path):
    harness = Inside(folder)
    files = [folder / f"theirs{i}.npz" for i in range(2)]
    board = ("leaderboard", "--models", "theirs", "--metrics", "fid", "--json", "board.json")

    def numbers() -> tuple[dict[str, float], str]:
        ran = harness("run", "suite.yaml", "--models", "theirs", "--jobs", "1")
        assert ran.returncode == 0, ran.stderr
        (report,) = folder.glob("runs/suite*/results.csv")
        table = pd.read_csv(report)
        rows = table[(table.model == "theirs") & (table.metric == "fid")]
        assert harness(*board).returncode == 0
        (entry,) = json.loads((folder / "board.json").read_text())["entries"]
        pair = harness("compare", "theirs@digits#0", "theirs@digits#1")
        assert set(rows.run_id) == set(entry["runs"])
        assert all(run in pair.stdout for run in rows.run_id)
        assert entry["model"] == "theirs"
        return dict(zip(rows.run_id, rows.value, strict=True)), pair.stdout

    first, _ = numbers()
    before = files[0].read_bytes()
    np.savez(files[0], 255 - np.load(files[1])["arr_0"])
    second, _ = numbers()
    assert len({*first, *second}) == 3
    (old,), (new,) = ({*first} - {*second}), ({*second} - {*first})
    by_id = harness("compare", old, new).stdout
    assert "Data: what differs" in by_id
    files[0].write_bytes(before)
    third, _ = numbers()
    assert third == first


MEMORISATION = """
title: Copies
seeds: [0]
budget: {images: 640}
datasets: [digits]
models: [vae/vae]
metrics: [fid, authpct, fid_gap, ndb]
"""


def test_held_out_images_are_the_floor_of_what_is_compared_with_training_images(folder: Path):
    """Training images beside themselves would all be copies: what no model should come near."""
    cells = {cell.model: cell for cell in plan(folder, MEMORISATION).cells}
    assert set(cells) == {"vae/vae", TRAINING_IMAGES, HELD_OUT}
    asked = {name: {w.metric: w for w in cell.planned_measurements} for name, cell in cells.items()}
    applies = {
        name: {metric for metric, w in of.items() if not w.obstacle} for name, of in asked.items()
    }
    assert applies[TRAINING_IMAGES] == {"fid"}
    assert applies[HELD_OUT] == {"authpct", "ndb"}
    assert asked[HELD_OUT]["authpct"].protocol == asked["vae/vae"]["authpct"].protocol
    dataset = load_dataset("digits")
    images = evidence_of(cells[HELD_OUT], dataset)["samples"]
    assert {row.tobytes() for row in images.numpy()} == {
        row.tobytes() for row in dataset.test.images.numpy()
    }
    assert not cells[HELD_OUT].is_shown


def test_no_floor_is_measured_where_nothing_asks_for_it(folder: Path):
    models = {
        cell.model
        for cell in plan(folder, MEMORISATION.replace("authpct, fid_gap, ndb", "is")).cells
    }
    assert models == {"vae/vae", TRAINING_IMAGES}


def test_what_was_measured_before_it_was_known_not_to_apply_does_not_stand(folder: Path):
    """Stores of before have authentic samples of training images: 0 %, as if that were perfect."""
    cell = next(c for c in plan(folder, MEMORISATION).cells if c.model == TRAINING_IMAGES)
    wanted = next(w for w in cell.planned_measurements if w.metric == "authpct")
    old = Measurement("authpct", "ok", wanted.protocol, wanted.key, 0.0)
    record = Record("run", cell.training_key, "trained", "", {wanted.key: old}, {})
    (row,) = cell.result(record).measurements
    assert (row.status, row.value) == ("not applicable", None)
    assert "not compared with the set that they are taken from" in row.reason
