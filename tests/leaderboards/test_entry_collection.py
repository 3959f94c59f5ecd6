import math
from dataclasses import replace

import pytest
from stored_runs import BEGAN, cell, fid, gathered, sampled, value

from harness.core.measurement import TRAINING_IMAGES
from harness.report.boards.view import seeds
from harness.tracking import CellUse
from harness.tracking.collection import StoredRun


def numbers(found) -> list[tuple[str, int, float]]:
    rows = found.table[["model", "seed", "value"]].itertuples(index=False)
    return sorted((str(m), int(s), float(v)) for m, s, v in rows)


def test_seeds_that_several_people_ran_make_one_entry():
    found = gathered(
        cell(seed=0, numbers=(value(5.0, fid()),)),
        cell(
            seed=1, numbers=(value(6.0, fid()),), parent="of-bob", params={"numerics.name": "Xeon"}
        ),
    )
    (entry,) = found.entries
    assert entry.label == "gan/mlp"
    assert entry.suites == {"first", "second"}
    assert entry.machines == {"EPYC, torch 2.9", "Xeon, torch 2.9"}
    assert (entry.seeds, entry.repeats) == ({"digits": {0, 1}}, 0)
    assert numbers(found) == [("gan/mlp", 0, 5.0), ("gan/mlp", 1, 6.0)]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"recipe.width": "128"}, "width=128"),
        ({"budget.images": "900"}, "images=900"),
        ({"code": "beef" * 4}, "code=beefbeef"),
        ({"numerics.precision": "bf16"}, "precision=bf16"),
    ],
)
def test_what_was_trained_otherwise_is_another_entry_that_says_how(params, said):
    found = gathered(cell(), cell(params=params, day=1))
    assert f"gan/mlp ({said})" in [entry.label for entry in found.entries]
    assert len(found.entries) == 2


def test_other_training_images_of_the_same_name_are_another_entry():
    found = gathered(cell(), cell(day=1, data={"training": "images-2"}))
    assert [e.label for e in found.entries] == [
        "gan/mlp (data=images-1)",
        "gan/mlp (data=images-2)",
    ]


def test_a_model_that_is_not_trained_names_its_images_as_others_do():
    untrained = {"budget.images": "0", "family": "pca"}
    found = gathered(
        cell(model="pca", params=untrained), cell(day=1, data={"training": "images-2"})
    )
    assert [e.identity.data for e in found.entries] == ["images-2", "images-1"]
    assert seeds(found.entries[1]) == "1"


def test_many_settings_are_a_digest():
    other = {f"recipe.{name}": "1" for name in "abcd"}
    labels = [entry.label for entry in gathered(cell(), cell(params=other, day=1)).entries]
    assert all("recipe=" in label and len(label) < 40 for label in labels)
    assert len(set(labels)) == 2


def test_the_first_run_of_a_seed_counts_and_the_others_are_counted():
    first, second = value(5.0, fid()), value(4.0, fid())
    for order in (1, -1):  # however the store lists them
        runs = [cell(numbers=(first,)), cell(numbers=(second,), day=1)][::order]
        found = gathered(*runs)
        assert numbers(found) == [("gan/mlp", 0, 5.0)]
        assert found.entries[0].repeats == 1


def test_what_failed_is_tried_again_but_divergence_is_a_result():
    failed = cell(numbers=(value(None, fid(), reason="out of memory"),))
    again = cell(numbers=(value(5.0, fid()),), day=1)
    assert numbers(gathered(failed, again)) == [("gan/mlp", 0, 5.0)]
    diverged = cell(status="diverged", reason="nan", numbers=(
        value(None, fid(), status="diverged", reason="nan"),
    ))  # fmt: skip
    found = gathered(diverged, again)
    assert list(found.table["status"]) == ["diverged"]
    assert [lost.reason for lost in found.lost] == ["nan"]


def test_a_cell_that_failed_has_a_row_for_what_other_seeds_have():
    found = gathered(
        cell(seed=0, numbers=(value(5.0, fid()),)),
        cell(seed=1, status="failed", reason="CUDA <died>"),
    )
    (row,) = found.table[found.table["seed"] == 1].to_dict("records")
    assert (row["status"], row["reason"], row["run_id"]) == ("failed", "CUDA <died>", "gan/mlp-1-0")
    assert math.isnan(row["value"])
    assert [(lost.label, lost.seed, lost.status) for lost in found.lost] == [
        ("gan/mlp", 1, "failed")
    ]


def test_cells_in_training_are_left_out_and_counted():
    found = gathered(cell(), cell(seed=1, status="training"))
    assert (found.entries[0].seeds, found.unfinished) == ({"digits": {0}}, 1)


def test_ways_of_sampling_are_entries_of_their_own():
    slow, fast = {"steps": 50}, {"steps": 20}
    run = cell(
        "diffusion/mlp", training_key="k",
        numbers=(sampled(9.0, "k", slow), sampled(12.0, "k", fast)),
        uses=(CellUse("of-ann", "diffusion/mlp", slow), CellUse("of-ann", "diffusion/fast", fast)),
    )  # fmt: skip
    assert numbers(gathered(run)) == [("diffusion/fast", 0, 12.0), ("diffusion/mlp", 0, 9.0)]


def test_recipes_that_are_the_same_are_one_entry_with_other_names():
    run = cell(numbers=(value(5.0, fid()),), uses=(
        CellUse("of-ann", "gan/mlp", {}), CellUse("of-bob", "gan/mine", {}),
    ))  # fmt: skip
    (entry,) = gathered(run).entries
    assert (entry.label, entry.also) == ("gan/mlp", {"gan/mine"})


def test_scored_sets_stand_beside_cells_on_the_dataset_they_were_compared_with():
    scored = StoredRun(
        "r", "score", BEGAN, "folder samples/", "trained", "", (value(4.0, fid()),),
        {"samples.digest": "5a"}, {}, {},
    )  # fmt: skip
    alone = replace(scored, run_id="r2", model="b", numbers=(value(4.0, fid("")),))
    found = gathered(cell(numbers=(value(5.0, fid()),)), scored, alone)
    on = dict(zip(found.table["model"], found.table["dataset"], strict=True))
    assert on == {"folder samples/": "digits", "b": "no reference", "gan/mlp": "digits"}
    assert {e.identity.kind for e in found.entries} == {"trained", "scored samples"}


def test_external_samples_are_one_entry_wherever_they_lie():
    made = [
        cell("theirs", seed, (value(5.0, fid()),), params={"samples": f"/place/{seed}"})
        for seed in (0, 1)
    ]
    runs = [
        replace(run, params={**run.params, "budget.images": "0", "family": "samples"})
        for run in made
    ]
    (entry,) = gathered(*runs).entries
    assert (entry.identity.kind, entry.identity.images) == ("external samples", None)


def test_floors_are_rows_and_no_entries():
    floor = cell(
        TRAINING_IMAGES,
        numbers=(value(1.0, fid()),),
        params={"budget.images": "0", "family": "samples"},
    )
    found = gathered(cell(numbers=(value(5.0, fid()),)), floor)
    assert [entry.label for entry in found.entries] == ["gan/mlp"]
    assert numbers(found) == [("gan/mlp", 0, 5.0), (TRAINING_IMAGES, 0, 1.0)]


def test_only_what_is_chosen_is_taken():
    recall = replace(fid(), metric="recall")
    runs = (
        cell(numbers=(value(5.0, fid()), value(0.5, recall))),
        cell("vae/mlp", numbers=(value(6.0, fid()),), parent="of-bob"),
    )
    assert numbers(gathered(*runs, metrics=["fid"], suites=["first"])) == [("gan/mlp", 0, 5.0)]
    assert numbers(gathered(*runs, models=["vae/mlp"])) == [("vae/mlp", 0, 6.0)]
    assert gathered(*runs, datasets=["mnist"]).entries == ()


def test_points_in_training_are_no_entries():
    half = cell("gan/mlp@0.5", numbers=(value(9.0, fid()),), params={"budget.images": "50"})
    found = gathered(cell(numbers=(value(5.0, fid()),)), half)
    assert [entry.label for entry in found.entries] == ["gan/mlp"]
    assert numbers(found) == [("gan/mlp", 0, 5.0)]


def test_a_point_that_is_the_end_of_training_in_another_suite_is_an_entry_there():
    half = cell("gan/mlp@0.5", numbers=(value(9.0, fid()),), params={"budget.images": "50"})
    short = CellUse("of-bob", "gan/mlp", {})
    found = gathered(replace(half, uses=(*half.uses, short)))
    assert [(e.label, e.suites) for e in found.entries] == [("gan/mlp", {"second"})]
