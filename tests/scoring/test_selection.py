"""What nobody named says why it does not apply; what was named and cannot be is refused at once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.evaluation.protocols import limit
from harness.evaluation.subject import Subject
from harness.metrics import METRICS
from harness.scoring import PROFILES, load_profile, make_scoring, open_sets, score, with_captions
from harness.training.numerics import Numerics

CPU = Numerics.resolve("cpu")
DIGITS = load_dataset("digits").train
OWN = {"extractor": "classifier:digits", "perceptual": "classifier:digits"}


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


def save(path: Path, images) -> str:
    np.save(path, np.asarray(images))
    return str(path)


def a_few(path: Path, each: int, classes: int = 10) -> str:
    """So many digits of each class."""
    rows = [i for c in range(classes) for i in (DIGITS.labels == c).nonzero()[:each, 0].tolist()]
    return save(path, DIGITS.images[rows, 0])


def noise(path: Path, n: int, *shape: int) -> str:
    random = np.random.default_rng(n)
    return save(path, random.integers(0, 256, (n, *shape), dtype=np.uint8))


def rows(sets, metrics=None, networks=OWN, profile=None):
    scoring = make_scoring(sets, metrics, networks, CPU, profile)
    return {row.metric: row for row in score(scoring)}


@pytest.mark.filterwarnings("ignore::harness.metrics.base.Caveat")
def test_three_digits_of_each_class_are_enough_for_what_was_refused(tmp_path):
    found = rows(open_sets(a_few(tmp_path / "a.npy", 3), "digits:test"), ["class_fid"])
    assert found["class_fid"].status == "ok"


@pytest.mark.filterwarnings("ignore::harness.metrics.base.Caveat")
def test_few_images_have_the_metrics_that_they_suffice_for(tmp_path):
    found = rows(open_sets(noise(tmp_path / "a.npy", 12, 16, 16), "digits:test"))
    assert found["fid"].status == found["kid"].status == found["coverage"].status == "ok"
    assert found["is"].status == "not applicable"
    assert found["is"].reason == "needs at least 20 samples, not 12"
    assert not [row.metric for row in found.values() if row.status == "failed"]


@pytest.mark.filterwarnings("ignore::harness.metrics.base.Caveat")
def test_a_collapsed_set_has_no_row_that_failed_unasked(tmp_path):
    """No sample is of most classes: that is known only once a classifier has seen them."""
    sets = open_sets(a_few(tmp_path / "a.npy", 60, classes=1), "digits:test")
    found = rows(sets)["class_fid"]
    assert (found.status, found.value) == ("not applicable", None)
    assert "of class" in found.reason
    assert rows(sets, ["class_fid"])["class_fid"].status == "failed"


def test_a_profile_whose_kid_needs_a_thousand_images_has_its_other_metrics(tmp_path):
    profile = replace(load_profile("torch-fidelity"), networks={})
    sets = open_sets(noise(tmp_path / "a.npy", 40, 16, 16), "digits:test")
    found = rows(sets, profile=profile)
    assert found["kid"].reason == "needs at least 1,000 samples, not 40"
    assert {m: row.status for m, row in found.items() if m != "kid"} == dict.fromkeys(
        ("fid", "is", "precision", "recall"), "ok"
    )


def test_small_pairs_have_the_metrics_that_fit_their_size(tmp_path):
    """No network was named: that the usual one takes no such images is no error."""
    a, b = (noise(tmp_path / f"{n}.npy", n, 12, 14) for n in (9, 9))
    sets = open_sets(a, b, paired=True)
    found = rows(sets, networks={})
    assert {"mse", "mae", "psnr", "ssim"} <= {m for m, row in found.items() if row.status == "ok"}
    assert not [row.reason for row in found.values() if row.status == "failed"]
    assert found["ms_ssim"].reason == "needs images of at least 176 pixels a side, not 12×14"
    assert found["lpips"].reason.startswith("lpips:alex takes images of at least 31×31 pixels")
    with pytest.raises(BadInput, match=r"^lpips:alex takes images of at least 31×31"):
        rows(sets, networks={"perceptual": "lpips:alex"})
    with pytest.raises(BadInput, match=r"^lpips:alex takes images of at least 31×31"):
        rows(sets, ["lpips"], networks={})
    with pytest.raises(BadInput, match=r"^ms_ssim: needs images of at least 176 pixels a side"):
        rows(sets, ["ms_ssim"], networks={})


@pytest.mark.parametrize(("shape", "seen"), [((16, 20), "1×16×20"), ((20, 16), "1×20×16")])
def test_a_network_is_asked_for_both_sides_of_images(tmp_path, shape, seen):
    sets = open_sets(*(noise(tmp_path / f"{n}.npy", n, *shape) for n in (8, 9)))
    with pytest.raises(BadInput, match=f"not 1×20×20; the images are {seen}"):
        rows(sets, ["fid"])


def test_few_texts_leave_out_what_needs_many(tmp_path):
    (tmp_path / "c.csv").write_text(
        "file,caption\n" + "".join(f"{i:05d},an image\n" for i in range(6))
    )
    sets = with_captions(open_sets(noise(tmp_path / "a.npy", 6, 16, 16)), tmp_path / "c.csv")
    with pytest.raises(BadInput, match=r"^r_precision: needs at least 100 different texts, not 1"):
        make_scoring(sets, ["r_precision"], {}, CPU)


def test_a_prompt_that_asks_for_no_objects_is_told_before_any_work(tmp_path):
    lines = [f"{i:05d},a red square\n" for i in range(5)] + ["00005,sunset\n"]
    (tmp_path / "c.csv").write_text("file,caption\n" + "".join(lines))
    sets = with_captions(open_sets(noise(tmp_path / "a.npy", 6, 16, 16)), tmp_path / "c.csv")
    with pytest.raises(BadInput, match=r"^composition_accuracy: 00005: the prompt 'sunset'"):
        make_scoring(sets, ["composition_accuracy"], {"detector": "rendering:scenes"}, CPU)


def test_headers_are_judged_before_pixels_and_weights(tmp_path, monkeypatch):
    """On either side, in either dimension: nothing is decoded, no network is built."""

    def never(*_):
        raise AssertionError("work was done")

    monkeypatch.setattr("harness.data.image_arrays.image_blocks", never)
    monkeypatch.setattr("harness.extractors.classifier.classifier_net.load_classifier", never)
    a, wide = noise(tmp_path / "a.npy", 8, 16, 16), noise(tmp_path / "w.npy", 9, 16, 20)
    for places in ((a, wide), (wide, a), (a, a, wide)):
        with pytest.raises(BadInput, match="they need one size"):
            open_sets(*places)
    with pytest.raises(BadInput, match="without a partner"):
        open_sets(a, noise(tmp_path / "more.npy", 10, 16, 16), paired=True)
    with pytest.raises(BadInput, match="precision: needs at least 4 reference images, not 3"):
        make_scoring(open_sets(a, noise(tmp_path / "few.npy", 3, 16, 16)), ["precision"], OWN, CPU)
    with pytest.raises(BadInput, match="takes 1×16×16 images, not 1×20×20"):
        make_scoring(open_sets(wide, wide), ["fid"], OWN, CPU)
    with pytest.raises(BadInput, match="unknown metric 'fdi'"):
        make_scoring(open_sets(a, a), ["fdi"], OWN, CPU)
    with pytest.raises(AssertionError, match="work was done"):
        make_scoring(open_sets(a, a), ["fid"], OWN, CPU)


def evidence(metric, n: int, side: int):
    draws = torch.Generator().manual_seed(n)
    kinds = {"features": 3, "logits": 3, "codes": 3, "pairs": 3}
    found = {}
    for name in metric.needs:
        width = kinds.get(name.rpartition("_")[2])
        found[name] = (
            torch.randn(n, width, generator=draws)
            if width
            else torch.randint(0, 256, (n, 3, side, side), generator=draws, dtype=torch.uint8)
        )
    return found


LIMITED = {
    f"{where}{metric.name}": metric
    for where, metrics in {
        "": METRICS, **{f"{name} ": profile.metrics for name, profile in PROFILES.items()}
    }.items()
    for metric in metrics.values()
    if (metric.least or metric.smallest > 1) and "texts" not in metric.least
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::harness.metrics.base.Caveat")
@pytest.mark.parametrize("metric", LIMITED.values(), ids=LIMITED)
def test_a_metric_is_defined_from_where_it_says(metric):
    """And refuses one image, or one pixel, less: what is known before is what is found then."""
    n, side = max(metric.least.values(), default=2), max(metric.smallest, 4)
    by_class = metric.name == "class_fid"  # defined by classes, which only a network knows
    if not by_class:
        metric.compute(**evidence(metric, n, side))
    less = (n - 1, side) if metric.least else (n, side - 1)
    if min(less) > 1 or by_class:
        with pytest.raises(BadInput):
            metric.compute(**evidence(metric, *less))


def test_a_suite_says_why_a_metric_does_not_apply_to_its_images():
    small = Subject("x", "", {"samples": 100}, {}, {}, sides=(28, 28))
    assert limit(METRICS["ms_ssim"], small) == (
        "needs images of at least 176 pixels a side, not 28×28"
    )
    assert limit(METRICS["is"], Subject("x", "", {"samples": 10}, {}, {}), frames=4) is None
    assert "needs at least 20" in limit(METRICS["is"], Subject("x", "", {"samples": 4}, {}, {}), 4)
