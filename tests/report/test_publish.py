"""What a report takes from the tracking store."""

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from harness.config.suite import load_suite
from harness.core.measurement import CellResult, Measurement
from harness.metrics import METRICS
from harness.plan import Plan, make_plan
from harness.report.publish import publish, published_curves
from harness.selftest import outcomes
from harness.selftest.disturbances import LADDERS, VERSION
from harness.selftest.outcomes import SelftestRun
from harness.tracking import Store, default_uri

SUITE = """
title: Never run
seeds: [0]
budget: {images: 64}
datasets:
  - digits
  - {name: "digits[size=8]", metrics: [sharpness]}
models: [vae/vae]
metrics: [fid, recall, fid_gap]
"""


def moved(metric: str, kind: str, missed: str) -> str:
    """Where a metric moves that is fooled by one disturbance alone."""
    response = METRICS[metric].fooled_by.get(kind, "steady")
    right, wrong = ("no", "worse") if response == "steady" else (response, "no")
    return wrong if kind == missed else right


def outcome(**failed: str) -> pd.DataFrame:
    """A self-test's table, where each metric fails on what is said."""
    return pd.DataFrame(
        [
            {
                "metric": metric, "disturbance": kind, "effect": 1.5, "trend": 1.0, "reason": "",
                "verdict": "", "moved": moved(metric, kind, missed), "values": (0.1, 1 / 3),
            }
            for metric, missed in failed.items()
            for kind in LADDERS
        ]
    )  # fmt: skip


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    file = tmp_path_factory.mktemp("suite") / "suite.yaml"
    file.write_text(SUITE)
    return make_plan(load_suite(str(file)), "cpu", None)


@pytest.fixture
def store(plan: Plan, tmp_path: Path) -> Store:
    """With numbers of the suite's one model."""
    store = Store(default_uri(tmp_path), tmp_path)
    parent = store.open_suite("suite", "key", {})
    for cell in plan.cells:
        params = {"dataset": cell.dataset, "model": cell.model, "seed": cell.seed}
        run_id = store.open_cell(parent, cell.model, cell.training_key, params).run_id
        store.set_status(run_id, "trained", seconds=1, parameters=1)
        store.record(
            run_id,
            [
                Measurement(w.metric, "ok", w.protocol, w.key, 0.5)
                for w in cell.planned_measurements
            ],
        )
    return store


def test_failed_self_tests_mark_a_board(plan: Plan, store: Store, tmp_path: Path):
    results, page = publish(plan, store, tmp_path, None)
    how = {
        w.metric: w.protocol
        for cell in plan.cells
        for w in cell.planned_measurements
        if not w.obstacle
    }
    features = how["fid"].extractor
    # What comes with the package; no self-test was run in this store.
    gap = {
        ("digits", how["fid_gap"].key()): "was fooled by copies of training images in its "
        f"self-test on digits with {features}, 449 images a set"
    }
    assert results.doubts == gap
    assert "† was fooled by copies" in page.read_text()

    digest, native = (plan.datasets[name].digest for name in ("digits", "digits[size=8]"))
    same = SelftestRun("digits", digest, how["fid"].extractor, how["fid"].preprocessing, 449)
    wanted = [METRICS[name] for name in ("fid", "sharpness", "recall")]
    changed = dataclasses.replace(METRICS["recall"], version=99)
    outcomes.save_selftest(store, same, outcome(fid="blur"), wanted[:1])
    small = SelftestRun("digits[size=8]", native, "inception@00000000", "any", 449)
    outcomes.save_selftest(store, small, outcome(sharpness="blur"), wanted[1:2])
    outcomes.save_selftest(store, same, outcome(recall="duplicates"), [changed])
    for other in (
        dataclasses.replace(same, extractor="inception@00000000"),
        dataclasses.replace(same, digest="another dataset"),
    ):
        outcomes.save_selftest(store, other, outcome(recall="duplicates", fid="none"), wanted)
    results, page = publish(plan, store, tmp_path, None)
    said = f"in its self-test on digits with {same.extractor}, 449 images a set"
    assert results.doubts == gap | {
        ("digits", how["fid"].key()): f"was fooled by blur {said}",
        ("digits[size=8]", how["sharpness"].key()):
            "was fooled by blur in its self-test on digits[size=8], 449 images a set",
    }  # fmt: skip
    for file in (page, page.with_name("report.md")):
        assert "† was fooled by blur in its self-test" in file.read_text()


class Curves:
    """A store whose runs have one curve each."""

    def curves_of(self, run_ids):
        return [(run_id, [(64, "train/model/loss", 1 / 3)]) for run_id in run_ids]


@pytest.mark.parametrize(("models", "drawn"), [(1, 5), (12, 5), (17, 3), (60, 1), (61, 1)])
def test_curves_are_of_few_seeds_where_models_are_many(models: int, drawn: int):
    cells = [
        CellResult("digits", f"m{model}", seed, "k", "ok", f"run {model} {seed}", "", ())
        for model in range(models)
        for seed in range(10)
    ]
    curves = published_curves(cells, Curves())
    assert len(curves) == models * drawn
    assert sorted(curves["seed"].unique()) == list(range(drawn))
    assert set(curves["value"]) == {0.3333333}


def test_outcomes_come_back_and_a_second_test_replaces_the_first(tmp_path, monkeypatch):
    store = Store(default_uri(tmp_path), tmp_path)
    assert outcomes.load_selftests(store, "d") == []
    tested = SelftestRun("digits", "d", "e@1", "none", 449)
    fid, kid = METRICS["fid"], METRICS["kid"]
    first = outcomes.save_selftest(store, tested, outcome(fid="blur", kid="noise"), [fid, kid])
    assert outcomes.save_selftest(store, tested, outcome(fid="none"), [fid]) == first
    (found,) = outcomes.load_selftests(store, "d")
    assert found.tested == tested
    assert (found.failed(fid), found.failed(kid)) == (["none"], ["noise"])
    assert len(found.table) == 2 * len(LADDERS)
    assert set(found.table["values"]) == {(0.1, 1 / 3)}
    monkeypatch.setattr(outcomes, "VERSION", VERSION + 1)
    assert outcomes.load_selftests(store, "d") == [], "another version asks other things"
