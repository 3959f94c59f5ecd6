import math
from dataclasses import replace

import pytest
import torch
from scipy.stats import kendalltau

from harness.core.errors import BadInput
from harness.metrics.base import Estimate, Metric
from harness.selftest.disturbances import (
    LADDERS,
    NotApplicable,
    Parts,
    _trend,
    disturb,
    failure_sentence,
    outcome_of,
    run_disturbances,
    selftest_split,
)


def images(n: int = 240, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Different images of five classes: the class shows in the brightness."""
    labels = torch.arange(n) % 5
    texture = torch.randint(0, 50, (n, 1, 6, 6), generator=torch.Generator().manual_seed(seed))
    return (texture + 40 * labels[:, None, None, None]).to(torch.uint8), labels


def samples(kind: str, level: float, seed: int = 0) -> tuple[torch.Tensor, ...]:
    supply, labels = images()
    train = images(120, seed=1)[0]
    return disturb(kind, level, supply, labels, train, seed), supply[:120], train


def rows(x: torch.Tensor) -> list[bytes]:
    return [image.numpy().tobytes() for image in x]


@pytest.mark.parametrize("kind", [kind for kind in LADDERS if kind != "grey"])
def test_disturbed_samples_are_as_many_and_of_the_same_kind(kind):
    for level in LADDERS[kind]:
        found, fresh, _ = samples(kind, level)
        assert found.shape == fresh.shape
        assert found.dtype == torch.uint8
        assert torch.equal(found, samples(kind, level)[0]), "a seed gives one result"
        assert torch.equal(found, fresh) == (kind == "none")


def test_noise_has_the_stated_spread():
    middle = torch.full((400, 1, 8, 8), 128, dtype=torch.uint8)
    noisy = disturb("noise", 0.1, middle, torch.zeros(400), middle, 0).double()
    assert float(noisy.mean()) == pytest.approx(128, abs=1)
    assert float(noisy.std()) == pytest.approx(25.5, rel=0.02)
    other = disturb("noise", 0.1, middle, torch.zeros(400), middle, 1)
    assert not torch.equal(noisy.byte(), other)
    white = torch.full_like(middle, 255)
    assert int(disturb("noise", 0.1, white, torch.zeros(400), white, 0).min()) > 100, "no overflow"


def test_blur_spreads_a_point_and_keeps_images_and_channels_apart():
    x = torch.zeros(4, 2, 15, 15, dtype=torch.uint8)
    x[0, 1, 7, 7] = 255
    blurred = disturb("blur", 1.0, x, torch.zeros(4), x, 0)
    # The height of a two-dimensional Gaussian is 1/(2πσ²).
    assert int(blurred[0, 1, 7, 7]) == pytest.approx(255 / (2 * math.pi), abs=1)
    assert int(blurred[0, 1, 7, 9]) == pytest.approx(255 / (2 * math.pi) * math.exp(-2), abs=1)
    assert int(blurred[1].sum() + blurred[0, 0].sum()) == 0


@pytest.mark.parametrize(("level", "left"), [(0.01, 4), (0.2, 4), (0.4, 3)])
def test_dropped_modes_leave_whole_classes_out(level, left):
    found, _, _ = samples("dropped_modes", level)
    assert len((found.amin(dim=(1, 2, 3)) // 40).unique()) == left
    assert len(set(rows(found))) == 120, "the others are replaced, not repeated"


def test_dropped_modes_stay_dropped_at_higher_levels():
    def kept(level: float, seed: int = 0) -> set[int]:
        return set((samples("dropped_modes", level, seed)[0].amin(dim=(1, 2, 3)) // 40).tolist())

    assert kept(0.4) < kept(0.2)
    assert len({tuple(sorted(kept(0.4, seed))) for seed in range(5)}) > 1


@pytest.mark.parametrize(("level", "kept"), [(0.5, 60), (0.9, 12), (1.0, 1)])
def test_duplicates_repeat_what_is_left(level, kept):
    found, fresh, _ = samples("duplicates", level)
    assert set(rows(found)) == set(rows(fresh[:kept]))
    counts = {rows(found).count(image) for image in set(rows(found))}
    assert counts == {120 // kept}


def test_few_per_class_keeps_the_classes_and_repeats_their_images():
    found, fresh, _ = samples("few_per_class", 0.9)
    classes = [x.amin(dim=(1, 2, 3)) // 40 for x in (found, fresh)]
    assert torch.equal(*classes), "each image is replaced by one of its class"
    # Of 24 images in each of five classes a tenth is 2.
    assert len(set(rows(found))) == 10
    assert set(rows(found)) <= set(rows(fresh))


def test_grey_moves_channels_to_their_mean():
    x = torch.tensor([30, 60, 120], dtype=torch.uint8).reshape(1, 3, 1, 1).expand(4, 3, 2, 2)
    for level, channels in [(0.5, [50, 65, 95]), (1.0, [70, 70, 70])]:
        greyer = disturb("grey", level, x.contiguous(), torch.zeros(4), x, 0)
        assert greyer.dtype == torch.uint8
        assert greyer.unique(dim=0)[0, :, 0, 0].tolist() == channels


@pytest.mark.parametrize(
    ("kind", "shape", "words"),
    [("grey", (4, 1, 2, 2), "have no colours"), ("grey", (4, 3, 2, 2), "are grey already"),
     ("few_per_class", (4, 3, 2, 2), "no classes to keep")],
)  # fmt: skip
def test_a_disturbance_that_does_nothing_is_not_applicable(kind, shape, words):
    x = torch.full(shape, 7, dtype=torch.uint8)
    with pytest.raises(NotApplicable, match=words):
        disturb(kind, 0.5, x, torch.zeros(4), x, 0)


@pytest.mark.parametrize("level", [0.25, 1.0])
def test_copies_are_training_images(level):
    found, fresh, train = samples("copies", level)
    copied = set(rows(found)) & set(rows(train))
    assert len(copied) == 120 * level
    assert set(rows(found)) - copied <= set(rows(fresh))


def test_a_split_has_every_image_once():
    x, labels = images()
    one = selftest_split(x, labels, 0)
    everything = torch.cat([one.reference, one.train, one.supply])
    assert sorted(rows(everything)) == sorted(rows(x))
    assert [len(part) for part in (one.reference, one.train, one.supply)] == [60, 60, 120]
    # The darkest pixel tells the class.
    assert torch.equal(one.reference.amin(dim=(1, 2, 3)).long() // 40, one.reference_labels)
    assert torch.equal(one.supply.amin(dim=(1, 2, 3)).long() // 40, one.supply_labels)
    assert not torch.equal(one.train, selftest_split(x, labels, 1).train)


def metric(name: str, better: str, *worse_with: str) -> Metric:
    fooled_by = dict.fromkeys(worse_with, "worse")
    return Metric(name, lambda: Estimate(0.0), better, name, "", fooled_by=fooled_by)


def measure(parts: Parts) -> dict[str, Estimate]:
    """Metrics whose answers are known from their definitions."""
    known = set(rows(parts.train))
    new = sum(image not in known for image in rows(parts.samples))
    different = len(set(rows(parts.samples)))
    gradient = [float(x.diff(dim=3).abs().mean()) for x in (
        parts.samples.double(), parts.reference.double())]  # fmt: skip
    return {
        "authpct": Estimate(new / len(parts.samples)),
        "recall": Estimate(float(different)),
        "sharpness": Estimate(gradient[0] / gradient[1]),
        "fid": Estimate(1.0),
        "whim": Estimate(sum(rows(parts.samples)[0]) % 101 / 101),
    }


@pytest.fixture(scope="module")
def table():
    metrics = [
        metric("authpct", "higher", "copies"),
        metric("recall", "higher", "dropped_modes", "duplicates"),
        metric("sharpness", "higher", "noise", "blur"),
        metric("fid", "lower", "noise", "blur", "dropped_modes"),
        metric("whim", "lower"),
    ]
    found = run_disturbances(*images(), measure, metrics)
    return found.set_index(["metric", "disturbance"])


def test_a_row_for_each_metric_and_disturbance(table):
    assert len(table) == 5 * len(LADDERS)
    assert all(len(row["values"]) == len(LADDERS[kind]) for (_, kind), row in table.iterrows())
    is_grey = table.index.get_level_values("disturbance") == "grey"
    assert not table[~is_grey].drop(columns="values").isna().to_numpy().any()
    assert set(table.loc[is_grey, "verdict"]) == {"not applicable"}
    assert set(table.loc[is_grey, "reason"]) == {"the images have no colours"}
    assert list(dict.fromkeys(table.index.get_level_values("metric"))) == [
        "authpct", "recall", "sharpness", "fid", "whim"
    ]  # fmt: skip


def test_what_a_metric_can_see_it_notices(table):
    copies = table.loc[("authpct", "copies")]
    assert copies["verdict"] == "passes"
    assert copies["moved"] == "worse"
    assert copies["values"] == (0.75, 0.5, 0.0)
    assert copies["undisturbed"] == 1
    assert copies["effect"] == math.inf, "without noise any step is beyond it"
    assert copies["trend"] == 1
    assert table.loc[("recall", "duplicates"), "verdict"] == "passes"
    blur = table.loc[("sharpness", "blur")]
    assert blur["verdict"] == "passes"
    assert blur["effect"] > 5


def test_what_a_metric_should_see_and_does_not_is_a_failure(table):
    fid = table.loc["fid"]
    assert (fid.drop(index="grey")["moved"] == "no").all()
    assert fid["verdict"].to_dict() == {
        "none": "passes", "noise": "fooled", "blur": "fooled", "dropped_modes": "fooled",
        "duplicates": "not asked", "copies": "not asked", "few_per_class": "not asked",
        "grey": "not applicable",
    }  # fmt: skip
    assert table.loc[("recall", "dropped_modes"), "verdict"] == "fooled"
    assert table.loc[("authpct", "noise"), "verdict"] == "not asked"


def test_being_fooled_is_told_apart_from_noticing(table):
    """More noise counts as sharper here, which is better by the metric's own direction."""
    noise = table.loc[("sharpness", "noise")]
    assert noise["moved"] == "better"
    assert noise["effect"] < -5
    assert noise["verdict"] == "fooled"


@pytest.mark.parametrize(("sign", "verdict"), [(1, "passes"), (-1, "fooled")])
def test_a_metric_without_a_better_side_must_move_to_the_right_one(sign, verdict):
    """Copies lower the share of authentic samples; one that rises with them notices nothing."""

    def turned(parts: Parts) -> dict[str, Estimate]:
        return {"authpct": Estimate(sign * measure(parts)["authpct"].value)}

    without = replace(
        metric("authpct", "higher"), better="nearer", ideal="held-out",
        fooled_by={"copies": "lower"},
    )  # fmt: skip
    found = run_disturbances(*images(), turned, [without]).set_index("disturbance")
    assert found.loc["copies", "verdict"] == verdict
    assert found.loc["copies", "moved"] == ("lower" if sign > 0 else "higher")
    assert found.loc["copies", "effect"] == -sign * math.inf
    assert found.loc["none", "verdict"] == "passes"


def test_chance_is_not_noticed(table):
    assert (table.loc["whim", "moved"].drop("grey") == "no").all()
    assert (table.xs("none", level="disturbance")["verdict"] == "passes").all()


def test_a_trend_counts_only_steps_beyond_the_noise():
    assert _trend([1, 2, 3, 4], 0) == kendalltau([1, 2, 3, 4], [1, 2, 3, 4]).statistic == 1
    assert _trend([1, 3, 2, 4], 0) == pytest.approx(kendalltau(range(4), [1, 3, 2, 4]).statistic)
    assert _trend([1, 0.9, 0.8, 9], 0.5) == 1
    assert _trend([1, 9, 8, 2], 0.5) == 0
    assert _trend([4, 3, 2, 1], 0) == -1
    assert _trend([1, 1.1, 1.2, 1], 0.5) == 0


@pytest.mark.parametrize(
    ("failed", "text"),
    [
        (["copies"], "was fooled by copies of training images"),
        (["noise", "blur"], "was fooled by noise and blur"),
        (["none"], "moved without a disturbance"),
        (["none", "blur"], "moved without a disturbance and was fooled by blur"),
    ],
)
def test_failures_in_words(failed, text):
    assert failure_sentence(failed) == text


@pytest.mark.parametrize(
    ("moved", "response", "outcome"),
    [
        ("worse", "worse", "passes"), ("no", "worse", "fooled"), ("better", "worse", "fooled"),
        ("no", "steady", "passes"), ("higher", "steady", "fooled"), ("lower", "steady", "fooled"),
        ("lower", "lower", "passes"), ("higher", "lower", "fooled"), ("no", "higher", "fooled"),
        ("no", None, "passes"), ("worse", None, "fooled"),
        ("no value", "worse", "no value"), ("not applicable", "steady", "not applicable"),
    ],
)  # fmt: skip
def test_a_metric_must_respond_as_its_record_says(moved, response, outcome):
    assert outcome_of(moved, response) == outcome


@pytest.mark.parametrize(("better", "response"), [("lower", "steady"), ("neither", "worse")])
def test_a_record_cannot_ask_for_a_response_that_the_metric_does_not_have(better, response):
    with pytest.raises(ValueError, match="with noise it cannot be"):
        Metric("m", lambda: Estimate(0.0), better, "m", "", fooled_by={"noise": response})


def test_bad_input_is_refused():
    x, labels = images()
    with pytest.raises(BadInput, match="at least 200 images, not 199"):
        selftest_split(x[:199], labels[:199], 0)
    with pytest.raises(BadInput, match="needs uint8 images"):
        selftest_split(x.float(), labels, 0)
    with pytest.raises(BadInput, match="with labels of shape"):
        selftest_split(x, labels[:-1], 0)
    with pytest.raises(BadInput, match="without 1 of 1 classes only 0 images are left"):
        disturb("dropped_modes", 0.1, x, 0 * labels, x, 0)
