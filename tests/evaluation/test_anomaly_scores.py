"""Anomaly scores that metrics name: rows of one trained cell, in closed form on a plain model."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from harness.config.recipe import load_recipe
from harness.config.suite import load_suite
from harness.core.errors import BadInput, SpecError
from harness.data import Batches, load_dataset
from harness.data.base import Dataset
from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.measure import compute_metric
from harness.evaluation.protocols import EvalConfig, NetworkInfo, obstacle, protocol
from harness.evaluation.specs import extractor_roles, named_score
from harness.evaluation.subject import model_subject
from harness.extractors import load_perceptual
from harness.families import build_family
from harness.families.base import Family, FamilySettings, ImageShape, Phase
from harness.metrics import auroc, load_metric, pixel_auroc, ssim
from harness.metrics.detection import alarm_threshold
from harness.metrics.error_maps import (
    gradient_error_map,
    multiscale_gradient_error_map,
    similarity_error_map,
    squared_error_map,
)
from harness.objectives.codes import gaussian_kl
from harness.plan import make_plan
from harness.training.init import initialise
from harness.training.loop import train

DIGITS = load_dataset("digits[unseen=8,validation=0.1]")
TEXTURES = load_dataset("textures[photo=brick,size=16]")
PERCEPTUAL = "classifier:digits"
MAPS = {
    "squared-error": squared_error_map,
    "ssim": similarity_error_map,
    "gradient": gradient_error_map,
    "multiscale-gradient": multiscale_gradient_error_map,
}


class Blurs(Family):
    """Gives each image back as the mean of itself and its mirror image, and fills it in by 0."""

    Settings = FamilySettings
    learns_to_fill_in = True

    def build(self) -> nn.ModuleDict:
        return nn.ModuleDict()

    def phases(self) -> tuple[Phase, ...]:
        return ()

    def reconstruct(self, x: Tensor) -> Tensor:
        return (x + x.flip(3)) / 2

    def fill_in(self, x: Tensor, generator: torch.Generator) -> Tensor:
        return torch.zeros_like(x)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.flatten(1)[:, :4], -x.flatten(1)[:, 4:8]


class Reconstructs(Blurs):
    """The same, which has not learnt to fill in, and has no posterior."""

    learns_to_fill_in = False
    posterior = None


def evidence(dataset: Dataset, model: type[Family] = Blurs) -> Evidence:
    family = model(FamilySettings(), ImageShape(1, 16))
    setup = EvalConfig({"perceptual": PERCEPTUAL})
    return Evidence(dataset_evidence(dataset), setup, model=family)


def pairs(images: Tensor) -> tuple[Tensor, Tensor]:
    """Images and what `Blurs` makes of them, from 0 to 255."""
    x = to_float(images)
    return (x + 1) * 127.5, ((x + x.flip(3)) / 2 + 1) * 127.5


@pytest.mark.parametrize("score", MAPS)
def test_an_images_score_is_the_mean_of_its_map(score):
    maps = MAPS[score](*pairs(DIGITS.test.images))
    expected = auroc(maps.mean(dim=(1, 2)), DIGITS.anomalous)
    found = evidence(DIGITS).measure(load_metric(f"auroc@{score}"))
    assert found.value == pytest.approx(expected.value, abs=1e-6)
    assert found.value == pytest.approx(
        roc_auc_score(DIGITS.anomalous, maps.mean(dim=(1, 2))), abs=1e-6
    )


@pytest.mark.parametrize("score", MAPS)
def test_pixels_are_scored_by_the_map(score):
    maps = MAPS[score](*pairs(TEXTURES.test.images))
    expected = pixel_auroc(maps, TEXTURES.test.masks)
    found = evidence(TEXTURES).measure(load_metric(f"pixel_auroc@{score}"))
    assert found.value == pytest.approx(expected.value, abs=1e-5)


def test_the_auroc_of_a_seeded_model_is_scikit_learns_of_its_errors() -> None:
    recipe, dataset = load_recipe("autoencoder/conv"), load_dataset("digits[unseen=8]")
    model = initialise(lambda: build_family(recipe.family, recipe.settings, ImageShape(1, 16)), 3)
    train(model, Batches(dataset.train, 32, seed=3), 32 * 40, seed=3, device=torch.device("cpu"))
    setup = EvalConfig({"perceptual": PERCEPTUAL})
    measured = compute_metric(
        load_metric("auroc"), Evidence(dataset_evidence(dataset), setup, seed=3, model=model)
    )
    x = to_float(dataset.test.images)
    errors = (x - model.reconstruct(x)).double().square().flatten(1).mean(dim=1)
    expected = roc_auc_score(dataset.test.labels == 8, errors)
    assert measured.estimate is not None
    assert measured.estimate.value == pytest.approx(expected, abs=1e-6)
    assert 0 < expected < 1


def test_the_squared_error_is_what_a_model_without_a_score_of_its_own_has_anyway():
    plain = evidence(DIGITS)
    assert plain.measure(load_metric("auroc")).value == pytest.approx(
        plain.measure(load_metric("auroc@squared-error")).value, abs=1e-6
    )


def test_distances_in_features_are_those_of_the_suites_perceptual_network():
    a, b = pairs(DIGITS.test.images)
    network = load_perceptual(PERCEPTUAL)
    maps = network.distance_map(a, b)
    assert maps.shape == (len(a), 16, 16)
    expected = auroc(maps.mean(dim=(1, 2)), DIGITS.anomalous)
    found = evidence(DIGITS).measure(load_metric("auroc@features"))
    assert found.value == pytest.approx(expected.value, abs=1e-6)
    # Enlarging by whole factors keeps the mean but for the border.
    torch.testing.assert_close(maps.mean(dim=(1, 2)), network.distance(a, b), rtol=0.15, atol=0.01)


def test_what_is_filled_in_is_compared_with_what_was_hidden():
    a, _ = pairs(DIGITS.test.images)
    maps = squared_error_map(a, torch.full_like(a, 127.5))
    found = evidence(DIGITS).measure(load_metric("auroc@filled-in"))
    assert found.value == pytest.approx(
        auroc(maps.mean(dim=(1, 2)), DIGITS.anomalous).value, abs=1e-6
    )


def test_the_latent_score_is_the_divergence_from_the_prior():
    x = to_float(DIGITS.test.images)
    scores = gaussian_kl(x.flatten(1)[:, :4], -x.flatten(1)[:, 4:8])
    found = evidence(DIGITS).measure(load_metric("auroc@latent"))
    assert found.value == pytest.approx(auroc(scores, DIGITS.anomalous).value, abs=1e-6)


@pytest.mark.parametrize("score", ["", "@ssim", "@latent"])
def test_a_threshold_is_unmoved_when_test_images_change(score):
    metric = load_metric(f"false_alarms_at_5_percent{score}")
    name = f"validation_scores{score}"
    first = evidence(DIGITS)
    other = replace(DIGITS, test=replace(DIGITS.test, images=DIGITS.test.images // 2))
    changed = evidence(other)
    assert first.measure(metric).value != changed.measure(metric).value
    assert alarm_threshold(first[name]) == alarm_threshold(changed[name])
    assert len(first[name]) == len(DIGITS.validation)


def test_each_score_has_a_protocol_of_its_own_beside_that_of_the_plain_metric():
    subject = model_subject("b", Blurs(FamilySettings(), ImageShape(1, 16)), DIGITS, 0)
    setup = EvalConfig({}, {"perceptual": NetworkInfo("net@12345678", "native")})
    plain = protocol(load_metric("auroc"), subject, setup)
    named = protocol(load_metric("auroc@ssim"), subject, setup)
    assert named.settings == plain.settings | {"score": "ssim"}
    assert (named.metric, named.extractor) == ("auroc", "")
    assert "score=ssim" in named.label()
    assert protocol(load_metric("auroc@features"), subject, setup).extractor == "net@12345678"
    assert extractor_roles(load_metric("auroc@features")) == {"perceptual"}
    assert named_score(load_metric("fid@dinov2")) == ""


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("auroc@filled-in", "b has not learnt to fill in what is hidden"),
        ("auroc@latent", "b has no posterior over codes"),
        ("pixel_auroc@ssim", "has no masks of defects"),
        ("auroc@ssim", None),
    ],
)
def test_a_score_that_a_model_has_not_is_not_applicable(metric, reason):
    subject = model_subject("b", Reconstructs(FamilySettings(), ImageShape(1, 16)), DIGITS, 0)
    found = obstacle(load_metric(metric), subject, EvalConfig({}))
    assert found is None if reason is None else reason in str(found)


def test_without_validation_images_there_is_no_threshold():
    family = Blurs(FamilySettings(), ImageShape(1, 16))
    subject = model_subject("b", family, load_dataset("digits[unseen=8]"), 0)
    reason = obstacle(load_metric("false_alarms_at_5_percent"), subject, EvalConfig({}))
    assert reason == (
        "digits[unseen=8] keeps no training images out to set a threshold on; its option"
        " validation=0.1 does"
    )


SUITE = """\
title: T
seeds: [0]
budget: {images: 64}
datasets:
  - digits[unseen=8]
models: [autoencoder/conv]
metrics:
  - auroc
  - METRIC
"""


def plan(folder: Path, metric: str):
    (folder / "suite.yaml").write_text(SUITE.replace("METRIC", metric))
    return make_plan(load_suite(str(folder / "suite.yaml")), "cpu", None)


def test_scores_are_rows_of_one_cell(tmp_path: Path):
    (cell,) = plan(tmp_path, "auroc@ssim\n  - auroc@features").cells
    assert [row.metric for row in cell.planned_measurements] == [
        "auroc", "auroc@ssim", "auroc@features"
    ]  # fmt: skip
    assert len({row.key for row in cell.planned_measurements}) == 3


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("auroc@sssim", "unknown anomaly score 'sssim'; did you mean 'ssim'"),
        ("aupro@latent", "unknown anomaly score 'latent'"),
        ("auroc@dinov2", "unknown anomaly score 'dinov2'"),
        ("mse@ssim", "mse passes images through no feature network"),
        ("auroc@", "after @ comes"),
    ],
)
def test_a_score_that_does_not_exist_is_one_line_with_its_place(tmp_path: Path, metric, message):
    with pytest.raises(SpecError, match=message) as caught:
        plan(tmp_path, metric)
    assert str(caught.value).startswith(f"{tmp_path / 'suite.yaml'}:9: ")
    assert "\n" not in str(caught.value)


def test_a_network_that_tells_whole_images_apart_has_no_map():
    network = load_perceptual(PERCEPTUAL)
    with pytest.raises(BadInput, match="compares whole images, not their pixels"):
        super(type(network), network).distance_map(DIGITS.test.images, DIGITS.test.images)


def test_the_mean_of_the_similarity_map_inside_the_border_is_ssim():
    a, b = (x.round().to(torch.uint8) for x in pairs(DIGITS.test.images))
    maps = similarity_error_map(a.float(), b.float())[:, 5:-5, 5:-5]
    torch.testing.assert_close(1 - maps.mean(dim=(1, 2)).double(), ssim(a, b), atol=1e-5, rtol=0)
