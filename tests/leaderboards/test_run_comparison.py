"""Comparisons of runs that are made by hand; `tests/cli/test_compare.py` has a real store."""

import json
from dataclasses import replace
from types import MappingProxyType, SimpleNamespace

import pytest
from stored_runs import SUITES, cell, fid, sampled, value

from harness.core.measurement import FLOORS
from harness.leaderboards import run_comparison, run_names
from harness.report.runs import view
from harness.tracking import CellUse
from harness.tracking.collection import SuiteRun


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch):
    """Compares runs of a store that has just these; runs are named by their whole ids."""

    def of(runs, *names, reports=MappingProxyType({})):
        by_id = {run.run_id: run for run in runs}
        suites = {**SUITES, "of-bob": SuiteRun("second", {"torch": "2.1"})}
        monkeypatch.setattr(run_names, "find_run", lambda store, name: by_id[name])
        monkeypatch.setattr(run_comparison, "suite_runs", lambda store: suites)
        monkeypatch.setattr(
            run_names, "collect",
            lambda store, dataset: (run for run in runs if run.dataset == dataset),
        )  # fmt: skip
        store = SimpleNamespace(uri="here", get=lambda run_id, path: reports.get(run_id))
        return run_comparison.compare_runs(store, names)

    return of


def seeds(model: str, level: float, numbers=range(3), **fields):
    return [cell(model, s, (value(level + 0.1 * s, fid()),), **fields) for s in numbers]


def named(differences) -> dict[str, tuple[str, ...]]:
    return {difference.name: difference.values for difference in differences}


def test_what_differs_is_named_by_kind(compare):
    other = cell(
        "vae/mlp", 0, (value(3.0, fid(samples=50)),), parent="of-bob",
        params={"recipe.width": "8", "numerics.name": "Xeon"}, data={"training": "images-2"},
    )  # fmt: skip
    found = compare([*seeds("gan/mlp", 9.0), other], "gan/mlp-0-0", other.run_id)
    assert named(found.recipe) == {"model": ("gan/mlp", "vae/mlp"), "width": ("64", "8")}
    assert named(found.data) == {"training images (digest)": ("images-1", "images-2")}
    assert named(found.environment) == {"name": ("EPYC", "Xeon"), "torch": ("–", "2.1")}
    assert named(found.protocols) == {"fid: samples": ("100", "50")}
    assert named(found.training) == {"parameters": ("5000", "5000")}
    assert [effect.why for line in found.lines for effect in line.effects] == [
        "measured on one side only"
    ] * 2


def test_an_undertrained_entry_is_marked_by_what_its_suites_report(compare):
    runs = [*seeds("gan/mlp", 9.0), *seeds("vae/mlp", 3.0), *seeds("new/mlp", 3.0)]
    training = [
        {"model": "gan/mlp", "undertrained": "it made only 5 steps", "runs": ["gan/mlp-1-0"]},
        {"model": "vae/mlp", "undertrained": "", "runs": ["vae/mlp-0-0"]},
    ]
    reports = {"of-ann": json.dumps({"training": training})}
    names = ["gan/mlp-0-0", "vae/mlp-0-0", "new/mlp-0-0"]
    found = compare(runs, *names, reports=reports)
    assert [side.marks for side in found.sides] == [
        {"undertrained": "it made only 5 steps"},
        {},
        None,
    ]
    assert list(view.notices(found)) == [
        "A is undertrained: it made only 5 steps", "whether C is undertrained is not recorded",
    ]  # fmt: skip


def test_the_effect_is_paired_over_the_seeds_that_both_have(compare):
    runs = [*seeds("gan/mlp", 9.0, range(5)), *seeds("vae/mlp", 3.0)]
    (line,) = compare(runs, "gan/mlp-0-0", "vae/mlp-0-0").lines
    (effect,) = line.effects
    assert (effect.paired, effect.versus.outcome, effect.versus.kind) == (3, "better", "ratio")
    assert [row.value for row in line.values] == [9.0, 3.0]
    assert view.basis(effect) == "3 pairs"


def test_without_common_seeds_it_is_not_paired_and_with_few_it_is_not_said(compare):
    runs = [*seeds("gan/mlp", 9.0), *seeds("vae/mlp", 3.0, range(10, 13)), *seeds("few", 3.0, [0])]
    found = compare(runs, "gan/mlp-0-0", "vae/mlp-10-0", "few-0-0")
    welch, few = found.lines[0].effects
    assert (welch.paired, view.basis(welch)) == (0, "not paired")
    assert welch.versus.outcome == "better"
    assert view.effect(few) == "3 and 1 seed: at least 3 of each are needed"


def test_a_protocol_that_all_have_is_no_difference(compare):
    more = value(8.0, fid(samples=50))
    runs = [
        cell("gan/mlp", 0, (value(9.0, fid()), more)),
        cell("vae/mlp", 0, (more, value(3.0, fid()))),
    ]
    found = compare(runs, "gan/mlp-0-0", "vae/mlp-0-0")
    assert found.protocols == ()
    assert [line.protocol.samples for line in found.lines] == [100, 50]


def test_seeds_of_one_entry_are_not_compared_with_themselves(compare):
    found = compare(seeds("gan/mlp", 9.0), "gan/mlp-0-0", "gan/mlp-2-0")
    assert found.lines[0].effects[0].why == "seeds of one entry"
    assert [side.seeds for side in found.sides] == [(0, 1, 2), (0, 1, 2)]


def test_on_other_datasets_numbers_only_stand_side_by_side(compare):
    other = replace(cell("vae/mlp", 0, (value(3.0, fid("mnist")),)), dataset="mnist")
    found = compare([*seeds("gan/mlp", 9.0), other], "gan/mlp-0-0", "vae/mlp-0-0")
    assert not any(effect.versus for line in found.lines for effect in line.effects)
    assert any("the datasets differ" in notice for notice in view.notices(found))


def test_one_run_that_is_sampled_in_two_ways_is_two_sides(compare):
    slow, fast = {"steps": 50}, {"steps": 20}
    run = cell(
        "ddpm", training_key="k", numbers=(sampled(9.0, "k", slow), sampled(12.0, "k", fast)),
        uses=(CellUse("of-ann", "ddpm", slow), CellUse("of-ann", "fast", fast)),
    )  # fmt: skip
    found = compare([run], run.run_id)
    assert sorted(side.label for side in found.sides) == ["ddpm", "fast"]
    assert sorted(named(found.recipe)["sampling.steps"]) == ["20", "50"]
    values = {
        side.label: row.value for side, row in zip(found.sides, found.lines[0].values, strict=True)
    }
    assert values == {"ddpm": 9.0, "fast": 12.0}


def test_of_several_entries_of_one_name_the_largest_budget_is_taken_and_said(compare):
    longer = {"budget.images": "1000", "recipe.width": "8"}
    runs = [
        *seeds("gan/mlp", 9.0), cell("gan/mlp", 0, (value(2.0, fid()),), day=1, params=longer),
        *seeds("vae/mlp", 3.0),
    ]  # fmt: skip
    found = compare(runs, "gan/mlp@digits", "vae/mlp@digits#1")
    assert [side.run.run_id for side in found.sides] == ["gan/mlp-0-1", "vae/mlp-1-0"]
    (said,) = found.choices
    assert said.startswith("gan/mlp@digits stands for 2 entries, which differ in images, width: ")
    assert said.endswith("for another name a run: gan/mlp-0-0")
    assert said in list(view.notices(found))


def test_training_images_may_be_a_side(compare):
    floor = cell(next(iter(FLOORS)), 0, (value(1.0, fid()),), params={"budget.images": "0"})
    found = compare([*seeds("gan/mlp", 9.0), floor], "gan/mlp-0-0", floor.run_id)
    assert found.lines[0].values[1].value == 1.0
    assert found.lines[0].effects[0].versus is None


def test_there_are_names_for_many_runs(compare):
    runs = seeds("gan/mlp", 9.0, range(30))
    found = compare(runs, *(run.run_id for run in runs))
    assert view.letters(found)[-1] == "30"


def test_a_point_in_training_is_compared_with_its_end(compare):
    runs = [*seeds("gan/mlp", 3.0), *seeds("gan/mlp@0.5", 9.0, params={"budget.images": "50"})]
    found = compare(runs, "gan/mlp@digits", "gan/mlp@0.5@digits#0")
    assert named(found.recipe) == {
        "model": ("gan/mlp", "gan/mlp@0.5"), "images": ("100", "50"),
    }  # fmt: skip
    (line,) = found.lines
    assert line.effects[0].versus is not None
    assert line.effects[0].paired == 3
