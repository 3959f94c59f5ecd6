import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.overrides import MAX_LABEL, Overrides, apply
from harness.config.suite_types import Suite
from harness.core.errors import BadInput

SUITE = Suite.model_validate(
    {
        "title": "t",
        "seeds": [0, 1, 2],
        "budget": {"images": 1000},
        "samples": 200,
        "datasets": [
            "digits",
            {"name": "digits[unseen=8]", "models": ["vae/vae"], "metrics": ["auroc"]},
        ],
        "models": ["gan/dcgan", "vae/vae"],
        "metrics": ["fid", "recall"],
        "claims": [
            {"id": "better", "statement": "s", "metric": "fid", "model": "gan/dcgan",
             "against": "vae/vae"},
            {"id": "notices", "statement": "s", "metric": "auroc", "model": "vae/vae",
             "above": 0.5},
        ],
    }
)  # fmt: skip


def test_no_overrides_change_nothing():
    assert apply(SUITE, Overrides()) == (SUITE, {})
    assert Overrides().label() == ""
    assert Overrides().texts() == {}


def test_seeds_may_be_any():
    suite, _ = apply(SUITE, Overrides(seeds=[7, 5]))
    assert suite.seeds == (7, 5)


@pytest.mark.parametrize("seeds", [[], [-1], [3, 3]])
def test_seeds_are_different_whole_numbers(seeds):
    with pytest.raises(BadInput, match="different whole numbers from 0 up"):
        apply(SUITE, Overrides(seeds=seeds))


def test_the_budget_is_replaced_or_scaled_and_samples_scale_with_it():
    replaced, _ = apply(SUITE, Overrides(budget=77))
    scaled, _ = apply(SUITE, Overrides(budget_scale=0.05))
    tiny, _ = apply(SUITE, Overrides(budget_scale=1e-9))
    shorter, _ = apply(SUITE, Overrides(budget_scale=0.75))
    assert shorter.samples == 150
    assert (replaced.budget.images, replaced.samples) == (77, 200)
    assert (scaled.budget.images, scaled.samples) == (50, 100)
    assert (tiny.budget.images, tiny.samples) == (1, 100)


def test_the_budget_and_samples_of_a_dataset_are_scaled_by_themselves_or_replaced():
    entries = [{"name": "digits", "budget": {"images": 400}, "samples": 500}, "faces"]
    suite = Suite.model_validate({**SUITE.model_dump(exclude={"claims"}), "datasets": entries})
    digits, faces = suite.datasets
    assert suite.budgets() == {"digits": 400, "faces": 1000}
    assert (suite.samples_on(digits), suite.samples_on(faces)) == (500, 200)

    scaled, _ = apply(suite, Overrides(budget_scale=0.5))
    assert scaled.budgets() == {"digits": 200, "faces": 500}
    assert [scaled.samples_on(entry) for entry in scaled.datasets] == [250, 100]
    replaced, _ = apply(suite, Overrides(budget=77))
    assert replaced.budgets() == {"digits": 77, "faces": 77}
    assert [replaced.samples_on(entry) for entry in replaced.datasets] == [500, 200]
    chosen, _ = apply(suite, Overrides(datasets=["digits"], models=["vae/vae"]))
    assert chosen.budgets() == {"digits": 400}


@pytest.mark.parametrize(
    "wrong",
    [
        {"budget": 5, "budget_scale": 0.5},
        {"budget": 0},
        {"budget_scale": 0.0},
        {"budget_scale": -1.0},
        {"budget_scale": float("nan")},
        {"budget_scale": float("inf")},
    ],
)
def test_a_budget_that_cannot_be_is_refused(wrong):
    with pytest.raises(BadInput, match="budget"):
        apply(SUITE, Overrides(**wrong))


def test_claims_on_what_is_left_out_are_dropped_and_named():
    suite, dropped = apply(SUITE, Overrides(models=["vae/vae"]))
    assert suite.models == ("vae/vae",)
    assert [claim.id for claim in suite.claims] == ["notices"]
    assert list(dropped) == ["better"]
    assert "'gan/dcgan'" in dropped["better"]


def test_a_dataset_without_a_chosen_model_or_metric_is_left_out():
    by_model, _ = apply(SUITE, Overrides(models=["gan/dcgan"]))
    by_metric, dropped = apply(SUITE, Overrides(metrics=["auroc"]))
    by_name, _ = apply(SUITE, Overrides(datasets=["digits[ unseen=8 ]"]))
    assert [entry.name for entry in by_model.datasets] == ["digits"]
    assert [entry.name for entry in by_metric.datasets] == ["digits[unseen=8]"]
    assert [entry.name for entry in by_name.datasets] == ["digits[unseen=8]"]
    assert list(dropped) == ["better"]
    with pytest.raises(BadInput, match="nothing of the suite is left"):
        apply(SUITE, Overrides(models=["gan/dcgan"], datasets=["digits[unseen=8]"]))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (Overrides(models=["gan/dcgn"]), "no model 'gan/dcgn'; did you mean 'gan/dcgan'"),
        (Overrides(datasets=["digts"]), "no dataset 'digts'; did you mean 'digits'"),
        (Overrides(metrics=["recal"]), "no metric 'recal'; did you mean 'recall'"),
    ],
)
def test_what_the_suite_does_not_have_cannot_be_selected(overrides, message):
    with pytest.raises(BadInput, match=message):
        apply(SUITE, overrides)


def test_extractors_are_replaced():
    suite, _ = apply(SUITE, Overrides(extractor="inception", perceptual="lpips:vgg"))
    assert (suite.extractor, suite.perceptual) == ("inception", "lpips:vgg")


def test_labels_are_short_words_for_file_names():
    assert Overrides(budget_scale=0.05).label() == "budget-x0.05"
    assert Overrides(seeds=[0, 1], models=["gan/dcgan"]).label() == "seeds-0+1_models-gan-dcgan"
    assert Overrides(datasets=["digits[unseen=8]"]).texts() == {"datasets": "digits[unseen=8]"}


@pytest.mark.parametrize(
    "alike",
    [
        [{"datasets": ["folder:./猫"]}, {"datasets": ["folder:./犬"]}],
        [{"datasets": [name]} for name in ("a b", "a-b", "a/b", "a,b", "a+b", "a_b")],
        [{"models": [name]} for name in ("a b", "a-b", "a/b", "a//b", "/a/b", "a:b")],
        [{"models": ["a", "b"]}, {"models": ["a+b"]}, {"models": ["a,b"]}],
        [{"models": ["a"], "extractor": "b"}, {"models": ["a_extractor-b"]}],
        [{"seeds": [1, 2]}, {"seeds": [12]}, {"seeds": [2, 1]}],
        [{"models": ["x" * 90 + end]} for end in "abc"],
    ],
)
def test_overrides_that_differ_have_labels_that_differ(alike):
    assert len({Overrides(**given).label() for given in alike}) == len(alike)


overrides = st.builds(
    Overrides,
    seeds=st.none() | st.lists(st.integers(0), max_size=40),
    models=st.none() | st.lists(st.text(), max_size=4),
    extractor=st.none() | st.text(),
    budget_scale=st.none() | st.floats(),
)


@given(overrides)
def test_any_label_is_safe_and_short(given_overrides):
    label = given_overrides.label()
    assert re.fullmatch(r"[A-Za-z0-9.+_-]*", label)
    assert len(label) <= MAX_LABEL


def test_long_overrides_that_differ_have_labels_that_differ():
    first, second = (Overrides(seeds=[*range(100), last]) for last in (200, 300))
    assert first.label() != second.label()
