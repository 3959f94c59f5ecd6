"""Suites whose datasets have budgets, training images and feature networks of their own, end to
end.
"""

import json
from pathlib import Path

import pandas as pd
import pytest
from running import Inside

SUITE = """\
title: Few images and outliers
seeds: [0]
budget: {images: 128}
datasets:
  - {name: "digits[train=100]", samples: 90}
  - {name: "digits[outliers=0.1]", budget: {images: 256}}
models: [vae/vae]
metrics: [fid, fid@identity, kid@identity, authpct@identity, linear_probe]
"""
OTHER = SUITE.replace("[fid, fid@identity, kid@identity, authpct@identity, linear_probe]", "[fid]")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the suite has run."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "suite.yaml").write_text(SUITE)
    ran = Inside(folder)("run", "suite.yaml", "--jobs", "1", "--device", "cpu")
    assert ran.returncode == 0, ran.stderr
    assert (
        "128 training images each on digits[train=100], 256 on digits[outliers=0.1]" in ran.stdout
    )
    return folder


def table(place: Path) -> pd.DataFrame:
    rows = pd.read_csv(place / "runs/suite/results.csv")
    return rows[rows["status"] == "ok"].set_index(["dataset", "model", "metric"])


def test_the_report_has_a_column_for_each_network_and_the_budget_of_each_dataset(place):
    page = (place / "runs/suite/report.md").read_text()
    assert "training images on digits" in page
    assert "Fréchet distance by identity ↓" in page
    rows = table(place)["protocol"]
    of_models = rows.xs("vae/vae", level="model")
    assert of_models["digits[train=100]", "fid"].startswith("fid[classifier:digits@")
    assert of_models["digits[train=100]", "fid@identity"].startswith("fid[identity, u8, n=90/599")
    assert of_models["digits[outliers=0.1]", "fid@identity"].startswith("fid[identity, u8, n=599")


def test_memorisation_is_measured_against_the_images_that_were_seen(place):
    protocols = table(place)["protocol"].xs("authpct@identity", level="metric")
    assert protocols["digits[train=100]", "vae/vae"] == "authpct[identity, u8, n=90/100 train]"
    assert "n=599/1198 train" in protocols["digits[outliers=0.1]", "vae/vae"]
    assert ("digits[outliers=0.1]", "held-out images") in protocols


def test_the_probe_and_the_training_images_know_no_outliers(place):
    values = table(place)["value"]
    assert values["digits[outliers=0.1]", "vae/vae", "linear_probe"] > 0.8
    assert values["digits[outliers=0.1]", "training images", "fid@identity"] < 3


def test_a_suite_with_that_extractor_finds_the_numbers_done(place):
    (place / "other.yaml").write_text(f"{OTHER}extractor: identity\n")
    ran = Inside(place)("run", "other.yaml", "--jobs", "1", "--device", "cpu")
    assert "0 of 4 cells to run, 4 finished before" in ran.stdout
    here = pd.read_csv(place / "runs/other/results.csv").set_index(["dataset", "model", "metric"])
    for key in [("digits[train=100]", "vae/vae"), ("digits[outliers=0.1]", "vae/vae")]:
        assert here["value"][*key, "fid"] == table(place)["value"][*key, "fid@identity"]


def test_a_board_of_the_store_stands_for_each_network(place):
    ran = Inside(place)("leaderboard", "--datasets", "digits[train=100]", "--json", "board.json")
    assert ran.returncode == 0, ran.stderr
    boards = json.loads((place / "board.json").read_text())["boards"]
    fids = [board for board in boards if board["metric"] == "fid"]
    assert len({json.dumps(board["protocol"]) for board in fids}) == len(fids) == 2


def test_images_are_scored_by_a_named_network_as_by_the_extractor(tmp_path):
    sets = ("digits:test", "--reference", "digits:train")
    score = Inside(tmp_path)
    both = score("score", *sets, "--metrics", "fid,fid@identity", "--json", "both.json")
    assert both.returncode == 0, both.stderr
    score("score", *sets, "--metrics", "fid", "--extractor", "identity", "--json", "one.json")
    rows = {
        name: json.loads((tmp_path / f"{name}.json").read_text())["rows"]
        for name in ("both", "one")
    }
    assert [row["metric"] for row in rows["both"]] == ["fid", "fid@identity"]
    assert rows["both"][1]["value"] == rows["one"][0]["value"]
    assert rows["both"][1]["protocol"] == rows["one"][0]["protocol"]


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("fid@dinov3", "unknown extractor 'dinov3'; did you mean 'dinov2'"),
        ("mmd@identity", "unknown metric 'mmd'"),
        (
            "fid,fid@classifier:digits",
            "fid and fid@classifier:digits are one number on these image",
        ),
    ],
)
def test_a_network_that_cannot_score_is_one_line(tmp_path, metrics, message):
    ran = Inside(tmp_path)(
        "score", "digits:test", "--reference", "digits:train", "--metrics", metrics
    )
    assert ran.returncode == 2
    assert message in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_self_test_is_of_one_network(tmp_path):
    ran = Inside(tmp_path)(
        "metrics", "selftest", "--dataset", "digits", "--metrics", "fid@identity"
    )
    assert ran.returncode == 2
    assert "fid@identity: a self-test is of one network; say which by --extractor" in ran.stderr
