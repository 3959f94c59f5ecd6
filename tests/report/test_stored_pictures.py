"""Which pictures of a store a report has."""

from pathlib import Path

import pytest
import torch

from harness.config.suite import load_suite
from harness.core.measurement import TRAINING_IMAGES, CellResult
from harness.evaluation.pictures import picture_name
from harness.evaluation.pictures.sheets import grid_png, grid_tiles
from harness.plan import Plan, make_plan
from harness.report import stored_pictures as module
from harness.report.stored_pictures import stored_pictures
from harness.tracking import Store, default_uri

SUITE = """
title: Never run
seeds: [0, 1, 2, 3]
budget: {images: 64}
datasets: [digits]
models: [vae/vae, diffusion/ddpm]
metrics: [fid]
claims:
  - {id: early, statement: Half is enough., metric: fid,
     model: {model: vae/vae, at: 0.5}, against: vae/vae}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    file = tmp_path_factory.mktemp("suite") / "suite.yaml"
    file.write_text(SUITE)
    return make_plan(load_suite(str(file)), "cpu", None)


def grey(value: int) -> bytes:
    return grid_png(torch.full((16, 1, 4, 4), value, dtype=torch.uint8), 8)


@pytest.fixture
def store(plan: Plan, tmp_path: Path) -> Store:
    """With samples of every cell, lighter at the end of training, and traversals."""
    store = Store(default_uri(tmp_path), tmp_path)
    parent = store.open_suite("suite", "key", {})
    for cell in plan.cells:
        params = {"dataset": cell.dataset, "model": cell.model, "seed": cell.seed}
        run_id = store.open_cell(parent, cell.model, cell.training_key, params).run_id
        value = 100 if "@" in cell.model else 200
        name = picture_name("samples", cell.sampling)
        store.put(run_id, f"pictures/{name}.png", grey(value))
        if cell.model == "vae/vae":
            store.put(run_id, "pictures/traversals.png", grey(value))
    return store


@pytest.fixture
def results(plan: Plan, store: Store) -> list[CellResult]:
    return plan.results(plan.records(store))


def test_more_seeds_have_samples_and_the_first_all(plan: Plan, store: Store, results):
    pictures = stored_pictures(plan, results, store)
    shown = {(each.kind, each.model, each.seed) for each in pictures}
    models = ("vae/vae", "diffusion/ddpm")
    assert shown == {
        *(("samples", model, seed) for model in models for seed in range(3)),
        ("samples", TRAINING_IMAGES, 0),
        ("traversals", "vae/vae", 0),
        ("training-strip", "vae/vae", 0),
    }


def test_a_strip_over_training_has_a_row_a_fraction(plan: Plan, store: Store, results):
    (strip,) = (
        each for each in stored_pictures(plan, results, store) if each.kind == "training-strip"
    )
    rows = grid_tiles(strip.png, 4).flatten(1).float().mean(dim=1).view(2, 8)
    assert rows.tolist() == [[100.0] * 8, [200.0] * 8]
    assert strip.caption == "From the top: after 50 %, 100 % of the training."


def test_a_seed_without_room_is_left_out_as_a_whole(
    plan: Plan, store: Store, results, monkeypatch: pytest.MonkeyPatch
):
    every = stored_pictures(plan, results, store)
    two_seeds = sum(len(each.png) for each in every if each.seed < 2)
    monkeypatch.setattr(module, "ROOM", two_seeds)
    assert {each.seed for each in stored_pictures(plan, results, store)} == {0, 1}
    monkeypatch.setattr(module, "ROOM", two_seeds - 1)
    assert {each.seed for each in stored_pictures(plan, results, store)} == {0}
