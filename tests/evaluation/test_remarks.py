"""What is known of images and bends a number stands beside it."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_clip import save_tiny_clip

from harness.data import load_dataset
from harness.data.image_files import ImageResize
from harness.data.images_on_disk import OpenOptions
from harness.evaluation.evidence import Evidence
from harness.evaluation.measure import compute_metric
from harness.evaluation.protocols import EvalConfig
from harness.evaluation.specs import EVIDENCE, evidence, provided
from harness.metrics.base import Caveat, Estimate, Metric
from harness.scoring import load_sets, make_scoring, score, with_captions, with_draws
from harness.training.numerics import Numerics

CPU = Numerics.resolve("cpu")
OWN = {"extractor": "classifier:digits", "perceptual": "classifier:digits"}
DIGITS = load_dataset("digits").train.images[:, 0].numpy()


@pytest.fixture(autouse=True)
def _cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


def save(path: Path, images: np.ndarray) -> str:
    np.save(path, images)
    return str(path)


def folder(path: Path, images: np.ndarray, suffix: str) -> str:
    path.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image).save(path / f"{i:03d}{suffix}")
    return str(path)


def row(samples: str, reference: str, metric: str, **options):
    sets = load_sets(samples, reference, **options)
    (found,) = score(make_scoring(sets, [metric], OWN, CPU))
    assert found.status == "ok", found.reason
    return found


def test_one_set_on_both_sides_is_said_and_has_no_error_of_zero(tmp_path):
    a = save(tmp_path / "a.npy", DIGITS[:150])
    turned = save(tmp_path / "b.npy", DIGITS[:150][::-1])
    for other in (a, turned):  # in another order it is the same set
        found = row(a, other, "fid")
        assert found.value == pytest.approx(0, abs=1e-6)
        assert found.stderr is None
        assert "samples and reference are the same images" in found.reason
    assert "pixel for pixel" not in found.reason
    for metric in ("mse", "ssim", "psnr"):
        paired = row(a, a, metric, paired=True)
        assert (paired.stderr, paired.over) == (None, None)
        assert "samples and reference are the same images" in paired.reason
    kid = row(a, a, "kid")
    assert kid.stderr is None
    assert "the same images" in kid.reason


def test_images_on_both_sides_and_copies_are_counted(tmp_path):
    samples = np.concatenate([DIGITS[:100], DIGITS[:3], DIGITS[500:520]])
    reference = save(tmp_path / "r.npy", DIGITS[500:700])
    found = row(save(tmp_path / "a.npy", samples), reference, "fid")
    assert "3 of 123 samples are copies of another sample" in found.reason
    assert "20 of 123 samples are in the reference too, pixel for pixel" in found.reason
    assert found.stderr is not None
    copied = row(save(tmp_path / "b.npy", samples), "digits:test", "authpct")
    assert "123 of 123 samples are training images, pixel for pixel" in copied.reason


def test_few_images_are_said_of_either_side(tmp_path):
    few, many = save(tmp_path / "f.npy", DIGITS[:40]), save(tmp_path / "m.npy", DIGITS[100:400])
    assert "only 40 samples" in row(few, many, "kid").reason
    found = row(many, few, "kid").reason
    assert "only 40 reference images" in found
    assert "samples" not in found


def test_a_moderate_number_of_images_biases_the_frechet_distance(tmp_path):
    a, b = save(tmp_path / "a.npy", DIGITS[:200]), save(tmp_path / "b.npy", DIGITS[200:500])
    assert "of 64 features from 200 images is biased upwards" in row(a, b, "fid").reason
    enough = save(tmp_path / "c.npy", DIGITS[:300])
    assert row(enough, b, "fid").reason == "100 of 300 samples are in the reference too, " \
        "pixel for pixel"  # fmt: skip


def test_an_inception_score_of_small_parts_says_its_most(tmp_path):
    a, b = save(tmp_path / "a.npy", DIGITS[:30]), save(tmp_path / "b.npy", DIGITS[200:500])
    assert "an inception score of parts of 3 images is at most 3" in row(a, b, "is").reason
    assert "at most" not in row(b, a, "is").reason


def test_equal_pairs_among_psnrs_are_counted(tmp_path):
    decoded = DIGITS[:120].copy()
    decoded[5:] = 255 - decoded[5:]
    a, b = save(tmp_path / "a.npy", decoded), save(tmp_path / "b.npy", DIGITS[:120])
    found = row(a, b, "psnr", paired=True)
    assert (
        "5 of 120 pairs are equal: their PSNR is infinite, and counts as 72.21 dB" in found.reason
    )
    assert found.stderr > 0
    assert row(a, b, "mse", paired=True).reason == ""


def test_files_that_lose_on_one_side_alone_are_said(tmp_path):
    jpeg = folder(tmp_path / "jpeg", DIGITS[:20], ".jpg")
    png = folder(tmp_path / "png", DIGITS[30:60], ".png")
    array = save(tmp_path / "a.npy", DIGITS[60:90])
    for places, words in (
        ((jpeg, png), "samples are JPEG files, the other side is not: what compression changed"),
        ((png, jpeg), "the reference is JPEG files, the other side is not: what"),
        ((jpeg, array), "samples are JPEG files, the other side is not"),
        ((jpeg, "digits:test"), "samples are JPEG files: what compression changed"),
    ):
        assert words in row(*places, "kid").reason
    for places in ((png, array), (png, "digits:test"), (jpeg, jpeg), ("digits:test", array)):
        assert "compression" not in row(*places, "kid").reason
    pairs = (
        folder(tmp_path / "decoded", DIGITS[:20], ".jpg"),
        folder(tmp_path / "originals", DIGITS[:20], ".png"),
    )
    assert "samples are JPEG files" in row(*pairs, "mse", paired=True).reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x[:, ::2, ::2].repeat(2, 1).repeat(2, 2),
         "the samples are 8×8 pixels, each repeated 2×2 times"),
        (lambda x: x[:, ::4, ::4].repeat(4, 1).repeat(4, 2),
         "the samples are 4×4 pixels, each repeated 4×4 times"),
        (lambda x: x[:, ::2].repeat(2, 1), None),
        (lambda x: x // 200, "no value of the samples is above 1, of 255"),
        (lambda x: x // 100, None),
    ],
)  # fmt: skip
def test_images_that_were_enlarged_or_cut_to_bytes_are_said(tmp_path, change, words):
    changed = np.random.default_rng(0).permuted(DIGITS[:120], axis=0)
    a, b = save(tmp_path / "a.npy", change(changed)), save(tmp_path / "b.npy", DIGITS[200:500])
    found = row(a, b, "kid").reason
    assert words in found if words else "repeated" not in found and "above 1" not in found


def test_grey_images_in_rgb_are_said(tmp_path):
    grey = save(tmp_path / "a.npy", DIGITS[:120, ..., None].repeat(3, 3))
    colour = DIGITS[:360].reshape(120, 3, 16, 16).transpose(0, 2, 3, 1)
    (found,) = score(
        make_scoring(
            load_sets(grey, save(tmp_path / "b.npy", np.ascontiguousarray(colour))),
            ["sharpness"], {}, CPU,
        )
    )  # fmt: skip
    assert found.reason.endswith("the samples are grey, saved as RGB")


def test_what_is_said_of_shared_evidence_is_beside_every_number_of_it(tmp_path, monkeypatch):
    """It is computed once; the first metric that asks is not the only one it is true of."""
    pytest.importorskip("transformers")
    save_tiny_clip(tmp_path / "weights" / "tiny")
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path / "weights"))
    sets = load_sets(folder(tmp_path / "a", DIGITS[:4], ".png"))
    lines = [f"{i:03d}.png," + ("a b " * (200 if i < 3 else 1)) for i in range(4)]
    (tmp_path / "c.csv").write_text("file,caption\n" + "\n".join(lines) + "\n")
    scoring = make_scoring(
        with_captions(sets, tmp_path / "c.csv"), ["clip_score", "clip_s"],
        {"text": "clip:tiny"}, CPU,
    )  # fmt: skip
    for found in score(scoring):
        assert found.reason.endswith("3 of 4 texts are longer than clip:tiny takes, and are cut")


def test_caveats_of_evidence_are_those_of_all_that_is_made_of_it(monkeypatch):
    monkeypatch.setattr("harness.evaluation.specs.EVIDENCE", EVIDENCE)
    for name in ("inner_thing", "outer_thing"):
        monkeypatch.delitem(EVIDENCE, name, raising=False)
    provided("raw_thing")

    @evidence()
    def inner_thing(e: Evidence) -> float:
        warnings.warn("mind this", Caveat, stacklevel=2)
        return e["raw_thing"]

    @evidence()
    def outer_thing(e: Evidence) -> float:
        return 2 * e["inner_thing"]

    shared = Evidence({"raw_thing": 3.0}, EvalConfig({}))
    for metric in (
        Metric("o", lambda outer_thing: Estimate(outer_thing + 0.0), "lower", "o", ""),
        Metric("i", lambda inner_thing: Estimate(inner_thing + 0.0), "lower", "i", ""),
        Metric("o", lambda outer_thing: Estimate(outer_thing + 0.0), "lower", "o", ""),
    ):
        assert compute_metric(metric, shared).caveats == ("mind this",)
    for name in ("inner_thing", "outer_thing", "raw_thing"):
        EVIDENCE.pop(name)


def test_points_in_the_plane_have_no_such_remarks():
    points = torch.zeros(5, 2, 1, 1)
    metric = Metric("m", lambda samples, reference_images: Estimate(0.0), "lower", "m", "")
    shared = Evidence({"samples": points, "reference_images": points}, EvalConfig({}))
    assert compute_metric(metric, shared).caveats == ()


def test_few_training_images_are_said(tmp_path):
    samples = save(tmp_path / "s.npy", DIGITS[:150])
    reference = save(tmp_path / "r.npy", DIGITS[300:500])
    few, many = save(tmp_path / "f.npy", DIGITS[500:540]), save(tmp_path / "m.npy", DIGITS[500:700])
    assert "only 40 training images" in row(samples, reference, "authpct", train=few).reason
    assert "only" not in row(samples, reference, "authpct", train=many).reason


@pytest.mark.parametrize("size", [1, 4])
def test_a_size_at_which_little_is_left_is_said(tmp_path, size):
    a, b = save(tmp_path / "a.npy", DIGITS[:20]), save(tmp_path / "b.npy", DIGITS[20:40])
    found = row(a, b, "mse", paired=True, opening=OpenOptions(resize=ImageResize(size)))
    said = f"resized to {size}×{size} from 16×16, at which little of an image is left"
    assert f"samples {said}" in found.reason
    assert f"reference images {said}" in found.reason


def test_of_mixed_sizes_only_the_smaller_ones_are_enlarged(tmp_path):
    a, b = folder(tmp_path / "a", DIGITS[:5], ".png"), folder(tmp_path / "b", DIGITS[9:14], ".png")
    Image.fromarray(DIGITS[0]).resize((40, 40)).save(tmp_path / "a" / "000.png")
    found = row(a, b, "mse", paired=True, opening=OpenOptions(resize=ImageResize(20)))
    assert "samples resized, some enlarged, to 20×20 from 2 sizes, such as 16×16" in found.reason
    assert "reference images enlarged to 20×20 from 16×16" in found.reason


def test_what_only_a_further_draw_is_made_of_is_said(tmp_path):
    first = folder(tmp_path / "a", DIGITS[:120], ".png")
    second = folder(tmp_path / "b", DIGITS[120:240], ".jpg")
    reference = folder(tmp_path / "r", DIGITS[300:420], ".png")
    sets = with_draws(load_sets(first, reference), [second])
    (found,) = score(make_scoring(sets, ["fid"], OWN, CPU))
    assert "samples are JPEG files, the other side is not" in found.reason
