"""Suites on data that are real numbers, from the file to the page."""

from pathlib import Path

import pandas as pd
import pytest
from running import Inside

from harness.config.suite import load_suite
from harness.core.errors import BadInput
from harness.data.imageset import load_images
from harness.plan import make_plan

SUITE = """
title: Points
seeds: [0]
budget: {images: 512}
samples: 200
datasets:
  - ring
  - {name: gaussian, metrics: [fid, elbo, bits_per_dim]}
models: [gan/mlp, vae/mlp]
metrics: [modes_covered, mode_kl_exact, fid, elbo_gap, mse, psnr, lpips]
"""


def suite(folder: Path, text: str) -> str:
    (folder / "points.yaml").write_text(text)
    return str(folder / "points.yaml")


@pytest.mark.slow
def test_every_number_is_there_or_says_why_not_and_points_are_drawn(tmp_path: Path):
    ended = Inside(tmp_path)("run", suite(tmp_path, SUITE), "--jobs", "1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    report = tmp_path / "runs/points"
    table = (
        pd.read_csv(report / "results.csv").set_index(["dataset", "model", "metric"]).sort_index()
    )
    ring = table.loc["ring", "vae/mlp"]
    absent = {"psnr", "lpips"}
    assert set(ring[ring.status == "not applicable"].index) == absent
    assert (ring.loc[list(absent)].reason == "ring has real numbers, not 8-bit pixels").all()
    assert ring.drop(index=absent).value.notna().all()
    assert table.loc["ring", "training images", "modes_covered"].value == 8
    assert "noise" not in table.loc["gaussian", "vae/mlp", "elbo"].protocol
    page = (report / "index.html").read_text()
    assert 'alt="Samples over the test points of gan/mlp on ring, seed 0"' in page
    assert 'alt="The first 64 samples of gan/mlp on gaussian, seed 0"' in page


def test_networks_of_the_suite_that_see_pixels_are_refused(tmp_path: Path):
    text = SUITE.replace("samples: 200", "extractor: classifier:digits")
    with pytest.raises(BadInput, match="not real numbers; take identity"):
        make_plan(load_suite(suite(tmp_path, text)), "cpu", None)


def test_convolutions_are_refused_with_what_would_be_right(tmp_path: Path):
    text = SUITE.replace("vae/mlp", "vae/vae")
    with pytest.raises(BadInput, match=r"vae/vae on ring.*take the recipe of an MLP: vae/mlp"):
        make_plan(load_suite(suite(tmp_path, text)), "cpu", None)


def test_files_of_pixels_are_no_samples_of_numbers(tmp_path: Path):
    (tmp_path / "theirs.npz").touch()
    text = SUITE + "external:\n  - {name: theirs, dataset: ring, samples: theirs.npz}\n"
    with pytest.raises(BadInput, match="8-bit pixels, but ring has real numbers"):
        make_plan(load_suite(suite(tmp_path, text)), "cpu", None)
    with pytest.raises(BadInput, match="ring has real numbers, not images of 8-bit pixels"):
        load_images("ring:test")
