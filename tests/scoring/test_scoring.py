"""Sets of images that are there are measured as a suite measures samples of its models."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.config.suite import load_suite
from harness.core.errors import BadInput
from harness.core.measurement import Measurement
from harness.data import load_dataset
from harness.data.imageset import load_images
from harness.evaluation.draws import average_draws
from harness.extractors import EXTRACTORS, PERCEPTUALS
from harness.extractors.base import Extracted, Extractor, Perceptual
from harness.extractors.source import ExtractorSource
from harness.metrics import METRICS, REGISTRY, Estimate, Metric, frechet_estimate
from harness.plan import make_plan
from harness.scoring import Sets, load_sets, make_scoring, score, with_draws
from harness.scoring.document import scoring_document
from harness.scoring.selection import default_metrics
from harness.scoring.sets import read_pixels, subject
from harness.training.numerics import Numerics

SPIES = {"extractor": "spy", "perceptual": "spy"}
CPU = Numerics.resolve("cpu")
SEEN: list[int] = []


class Spy(Extractor):
    """Means of rows and columns; remembers how many images it was shown."""

    name, digest, preprocessing = "spy", "00000000", "native"

    def check(self, channels: int, size: int) -> None:
        if size < 4:
            raise BadInput(f"spy takes no images of {size} pixels")

    def extract(self, images):
        SEEN.append(len(images))
        x = images.float().mean(dim=1)
        return Extracted(torch.cat([x.mean(dim=1), x.mean(dim=2)], dim=1))


class SpyDistance(Spy, Perceptual):
    def distance(self, a, b):
        return (a.float() - b.float()).abs().mean(dim=(1, 2, 3))


SPY = ExtractorSource(lambda name: None, lambda name, device: Spy())
SPY_DISTANCE = ExtractorSource(lambda name: None, lambda name, device: SpyDistance())
BROKEN = Metric("broken", lambda samples: Estimate(1 / 0), "lower", "broken", "")


@pytest.fixture(autouse=True)
def _spy(monkeypatch, tmp_path):
    SEEN.clear()
    monkeypatch.setitem(EXTRACTORS.builtin, "spy", f"{__name__}:SPY")
    monkeypatch.setitem(PERCEPTUALS.builtin, "spy", f"{__name__}:SPY_DISTANCE")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


def save(path: Path, n: int = 30, shape: tuple[int, ...] = (16, 16, 1), seed: int = 0) -> str:
    random = np.random.default_rng(seed)
    np.savez(path, random.integers(0, 256, (n, *shape), dtype=np.uint8))
    return str(path)


def rows(sets: Sets, *metrics: str, extractor="spy", perceptual="spy") -> dict[str, Measurement]:
    scoring = make_scoring(
        sets, metrics or None, {"extractor": extractor, "perceptual": perceptual}, CPU
    )
    return {row.metric: row for row in score(scoring)}


SUITE = """
title: A suite
seeds: [0]
budget: {images: 64}
samples: 150
datasets: [digits]
models: [autoencoder/conv, vae/vae]
metrics: [fid, kid, is, recall, mse, lpips]
external: [{name: theirs, dataset: digits, samples: [theirs.npz]}]
"""


def test_against_a_dataset_the_protocols_and_keys_are_those_of_a_suite(tmp_path):
    theirs = save(tmp_path / "theirs.npz", 150)
    (tmp_path / "suite.yaml").write_text(SUITE)
    plan = make_plan(load_suite(str(tmp_path / "suite.yaml")), "cpu", None)
    wanted = {cell.model: {w.metric: w for w in cell.planned_measurements} for cell in plan.cells}
    names = ["fid", "kid", "is", "recall"]
    scoring = make_scoring(load_sets(theirs, "digits:test"), names, {}, CPU)
    assert [w.metric for w in scoring.planned_measurements] == names
    for w in scoring.planned_measurements:
        assert w.protocol == wanted["vae/vae"][w.metric].protocol
        assert w == wanted["theirs"][w.metric]
    decoded = save(tmp_path / "decoded.npz", len(load_dataset("digits").test))
    paired = load_sets(decoded, "digits:test", paired=True)
    for w in make_scoring(paired, ["mse", "lpips"], {}, CPU).planned_measurements:
        assert w.protocol == wanted["autoencoder/conv"][w.metric].protocol
        assert w.obstacle is None


@pytest.mark.filterwarnings("ignore::harness.metrics.base.Caveat")
def test_the_values_are_those_of_the_functions(tmp_path):
    sets = load_sets(save(tmp_path / "a.npz"), save(tmp_path / "b.npz", 40, seed=1))
    found = rows(sets, "fid", "precision")
    a, b = (Spy().extract(s.images).pooled for s in (sets.samples, sets.reference))
    assert found["fid"].value == frechet_estimate(a, b).value
    assert found["fid"].protocol.label() == "fid[spy@00000000, native, u8, n=30/40 reference]"
    assert found["fid"].protocol.reference_digest == sets.reference.digest[:16]


@pytest.mark.filterwarnings("ignore::harness.metrics.base.Caveat")
def test_draws_are_averaged(tmp_path):
    reference = save(tmp_path / "r.npz", 40, seed=9)
    places = [save(tmp_path / f"{seed}.npz", seed=seed) for seed in range(3)]
    alone = [rows(load_sets(place, reference), "fid")["fid"] for place in places]
    together = rows(with_draws(load_sets(places[0], reference), places[1:]), "fid")["fid"]
    estimates = [Estimate(row.value, row.stderr, "images") for row in alone]
    assert Estimate(together.value, together.stderr, "images") == average_draws(
        estimates, shared=True
    )
    assert "draws=3" in together.protocol.label()
    assert "between the 3 draws" in together.reason
    assert together.key not in {row.key for row in alone}


def test_draws_that_are_none_are_refused(tmp_path):
    a, few = save(tmp_path / "a.npz"), save(tmp_path / "few.npz", 20, seed=1)
    sets = load_sets(a, save(tmp_path / "r.npz", seed=2))
    with pytest.raises(BadInput, match="needs several sets of samples"):
        with_draws(sets, [])
    with pytest.raises(BadInput, match=r"differ in size.* 30 images.* 20; give as many"):
        with_draws(sets, [few])
    with pytest.raises(BadInput, match="the same images; a draw must count once"):
        read_pixels(with_draws(sets, [save(tmp_path / "copy.npz")]))
    with pytest.raises(BadInput, match="one size, and nothing is resized"):
        with_draws(sets, [save(tmp_path / "wide.npz", shape=(16, 20, 1))])


def test_a_set_of_constant_images_is_refused(tmp_path):
    reference = save(tmp_path / "r.npz", seed=9)
    images = np.broadcast_to(np.arange(100, dtype=np.uint8)[:, None, None, None], (100, 16, 16, 1))
    np.savez(tmp_path / "flat.npz", images)
    for places in (
        (str(tmp_path / "flat.npz"), reference),
        (reference, str(tmp_path / "flat.npz")),
    ):
        with pytest.raises(BadInput, match=r"flat\.npz: every image is of one colour all over"):
            load_sets(*places)
    images = images.copy()
    images[99, 3, 4] = 7
    np.savez(tmp_path / "flat.npz", images)
    assert len(load_sets(str(tmp_path / "flat.npz"), reference).samples) == 100


def test_a_set_is_what_its_pixels_are(tmp_path):
    """Other places and forms of one set give the same key; other pixels another."""
    reference = save(tmp_path / "r.npz", seed=1)
    keys = [
        rows(load_sets(save(tmp_path / name, seed=seed), reference), "fid")["fid"].key
        for name, seed in (("a.npz", 0), ("b.npz", 0), ("c.npz", 2))
    ]
    assert keys[0] == keys[1] != keys[2]


def test_no_reference_image_meets_the_network_a_second_time(tmp_path):
    reference = save(tmp_path / "r.npz", 41)
    train = save(tmp_path / "t.npz", 53)
    first = rows(load_sets(save(tmp_path / "a.npz", 30), reference, train), "fid", "precision")
    assert sorted(SEEN) == [30, 41]
    SEEN.clear()
    second = rows(load_sets(save(tmp_path / "a.npz", 30), reference, train), "fid", "precision")
    assert SEEN == [30]
    assert first == second


def test_pairs(tmp_path):
    a, b = save(tmp_path / "a.npz"), save(tmp_path / "b.npz", seed=1)
    sets = load_sets(a, b, paired=True)
    found = rows(sets, "mse", "lpips")
    error = (sets.samples.images.double() - sets.reference.images) / 255
    assert found["mse"].value == pytest.approx(float(error.square().mean()))
    assert found["mse"].protocol.label() == "mse[u8, n=30 reference]"
    distance = 255 * error.abs().mean()
    assert found["lpips"].value == pytest.approx(float(distance), rel=1e-5)


def names_of(sets: Sets) -> set[str]:
    return {metric.name for metric in default_metrics(sets)}


def test_what_is_measured_where_nothing_is_named(tmp_path):
    a, b = save(tmp_path / "a.npz"), save(tmp_path / "b.npz", seed=1)
    alone, compared = load_sets(a), load_sets(a, b)
    paired = load_sets(a, b, paired=True)
    assert names_of(compared) >= {"fid", "kid", "is", "precision", "recall", "coverage"}
    assert "is" in names_of(alone)
    assert "fid" not in names_of(alone)
    assert names_of(paired) >= {"mse", "psnr", "ssim", "lpips"}
    assert not names_of(paired) & names_of(compared)
    assert "clip_score" not in names_of(compared)
    texted = Sets(compared.samples, compared.reference, texts=["a"] * 30)
    assert names_of(texted) == names_of(compared) | {"clip_score", "clip_s", "r_precision"}
    for sets in (alone, compared, paired, texted):
        assert not names_of(sets) & {"auroc", "training_time", "sampling_throughput"}


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("mse", "give --pairs"),
        ("clip_score", "give --captions"),
        ("auroc", "no anomaly scores"),
        ("sampling_throughput", "do not say what their model cost"),
        ("parameters", "do not say what their model cost"),
    ],
)
def test_what_does_not_apply_says_why(tmp_path, metric, reason):
    sets = load_sets(save(tmp_path / "a.npz"), save(tmp_path / "b.npz"))
    with pytest.raises(BadInput, match=f"^{metric}: .*{reason}"):
        rows(sets, metric)


def test_every_metric_either_applies_or_says_why(tmp_path):
    sets = load_sets(save(tmp_path / "a.npz"), save(tmp_path / "b.npz"))
    alone = load_sets(save(tmp_path / "a.npz"))
    for metric in METRICS.values():
        for some in (sets, alone):
            seen = subject(some, metric)
            given = some.evidence()
            assert set(seen.obstacles) | set(seen.counts) >= {"reconstructions", "train", "costs"}
            assert ("reference" in seen.obstacles) == ("reference_images" not in given)


def test_train_images_come_with_the_test_split_and_have_one_digest_with_it():
    train_metric = Metric("t", lambda train_features: Estimate(0.0), "lower", "t", "")
    dataset = load_dataset("digits")
    sets = load_sets("digits:train", "digits:test")
    assert torch.equal(sets.train.images, dataset.train.images)
    assert set(sets.evidence()) >= {"train_images", "train_labels", "reference_labels"}
    own = subject(sets, train_metric)
    assert (own.data, own.digest) == ("digits", dataset.digest)
    said = subject(load_sets("digits:train", "digits:test", "digits:train"), train_metric)
    assert said == own


def test_a_reference_that_was_trained_on_tells_copies_but_has_no_gap(tmp_path):
    """FID against the training set is lowest for copies: AuthPct has to stand beside it."""
    samples = save(tmp_path / "a.npz", 40)
    one, other = load_sets(samples, "digits:train"), load_sets(samples, "digits:test")
    authpct = [subject(sets, METRICS["authpct"]) for sets in (one, other)]
    assert authpct[0].obstacles == authpct[1].obstacles | {}
    assert (authpct[0].data, authpct[0].digest) == (authpct[1].data, authpct[1].digest)
    assert {"fid", "authpct"} <= names_of(one)
    assert {"fid", "authpct", "fld_gap", "c_t", "mifid"} <= names_of(other)
    assert "fid_gap" not in names_of(other), "it is retired"
    assert rows(other, "fid_gap"), "but measured where it is named"
    own = save(tmp_path / "own.npz", 50)
    assert {"authpct", "fld"} <= names_of(load_sets(samples, samples, own))
    for same in (one, load_sets(samples, own, own)):
        with pytest.raises(BadInput, match="fid_gap: the reference is the training set"):
            rows(same, "fid_gap")


def test_a_training_set_of_ones_own_is_part_of_the_digest(tmp_path):
    train_metric = Metric("t", lambda train_features: Estimate(0.0), "lower", "t", "")
    digits = load_dataset("digits")
    a, b = (save(tmp_path / f"{n}.npz", 40, seed=n) for n in (1, 2))
    seen = [subject(load_sets("digits:test", "digits:test", x), train_metric) for x in (a, b)]
    assert len({s.digest for s in seen} | {digits.digest}) == 3
    assert f"array {a}" in seen[0].data
    fid = subject(load_sets("digits:test", "digits:test", a), METRICS["fid"])
    assert (fid.data, fid.digest) == ("digits", digits.digest), "it has no part in FID"


def test_other_texts_are_another_protocol(tmp_path):
    sets = load_sets(save(tmp_path / "a.npz"))
    first, second = (
        subject(Sets(sets.samples, texts=[t] * 30), METRICS["clip_score"]) for t in ("a", "b")
    )
    assert first.digest != second.digest
    assert first.data == "captions"


def test_labels_are_those_of_a_dataset(tmp_path):
    labelled = Metric("l", lambda reference_labels: Estimate(0.0), "lower", "l", "")
    assert "labels" not in subject(load_sets("digits:train", "digits:test"), labelled).obstacles
    folder = load_sets(save(tmp_path / "a.npz"), save(tmp_path / "b.npz"))
    assert "--reference" in subject(folder, labelled).obstacles["labels"]


def test_a_metric_that_fails_leaves_the_others(tmp_path, monkeypatch):
    monkeypatch.setitem(REGISTRY.builtin, "broken", f"{__name__}:BROKEN")
    both = save(tmp_path / "a.npz"), save(tmp_path / "b.npz")
    sets = load_sets(*both)
    found = rows(sets, "broken", "fid")
    assert found["broken"].reason.startswith("ZeroDivisionError")
    assert found["fid"].status == "ok"
    by_default = rows(sets)["is"]
    assert by_default.status == "not applicable", "the spy has no logits"
    assert "no class logits" in by_default.reason
    SEEN.clear()
    refused(["is: spy@00000000 has no class logits"], *both, metrics=["is"])


def refused(expected: list[str], *arguments, metrics=None, **options) -> None:
    with pytest.raises(BadInput) as caught:
        make_scoring(load_sets(*arguments, **options), metrics, SPIES, CPU)
    assert "\n" not in str(caught.value)
    for words in expected:
        assert words in str(caught.value)
    assert SEEN == [], "a network has run"


@pytest.mark.parametrize(
    ("metric", "n", "words"),
    [("precision", 3, "at least 4"), ("is", 19, "at least 20"), ("coverage", 5, "at least 6")],
)
def test_too_few_images_are_known_before_a_network_runs(tmp_path, metric, n, words):
    few, many = save(tmp_path / "few.npz", n), save(tmp_path / "many.npz", 1200)
    expected = [f"{metric}: ", words, f"array {few}, {n} images", f"array {many}, 1,200 images"]
    refused(expected, few, many, metrics=[metric])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_scoring(load_sets(many, few), ["fid"], SPIES, CPU)


def test_sets_of_two_sizes_are_both_named(tmp_path):
    a, b = save(tmp_path / "a.npz"), save(tmp_path / "b.npz", shape=(16, 16, 3))
    words = [f"samples (array {a}) are 1×16×16", f"reference (array {b}) 3×16×16"]
    refused(words, a, b)
    refused([f"train (array {b}) 3×16×16"], a, a, b)
    refused([f"reference (digits:test) {1}×16×16"], b, "digits:test")


def test_what_is_wrong_is_told_before_a_network_runs(tmp_path):
    a, small = save(tmp_path / "a.npz"), save(tmp_path / "s.npz", shape=(3, 9, 1))
    refused(["--pairs needs the originals; give --reference"], a, paired=True)
    refused(["unknown metric 'fdi'; did you mean 'fid'"], a, a, metrics=["fdi"])
    refused(["spy takes no images of 3 pixels"], small, small, metrics=["fid"])


def test_an_extractor_that_no_metric_needs_is_not_asked_for(tmp_path):
    a = save(tmp_path / "a.npz")
    found = rows(load_sets(a, a, paired=True), "mse", extractor="nothing", perceptual="nothing")
    assert found["mse"].value == 0


def test_the_document_has_rows_sets_and_environment(tmp_path):
    sets = load_sets(save(tmp_path / "a.npz"), save(tmp_path / "b.npz"))
    scoring = make_scoring(sets, None, SPIES, CPU)
    measured = list(score(scoring))
    content = json.loads(json.dumps(scoring_document(scoring, measured)))
    assert [Measurement.from_json(json.dumps(row)) for row in content["rows"]] == measured
    assert content["sets"]["samples"]["digest"] == load_images(str(tmp_path / "a.npz")).digest
    assert content["sets"]["reference"]["shape"] == [30, 1, 16, 16]
    assert torch.__version__.startswith(content["environment"]["torch"])
    assert content["environment"]["device"] == CPU.machine
