"""Evidence on encoders: gradients by two estimators, few labels, rates of codes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.core.seeding import derive
from harness.data import load_dataset
from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.protocols import EvalConfig, obstacle
from harness.evaluation.subject import model_subject
from harness.families import build_family
from harness.families.base import Family
from harness.metrics import load_metric
from harness.metrics.gradients import GRADIENT_DRAWS, GRADIENT_IMAGES
from harness.plan import shape_of
from harness.training.init import initialise

DATASET = load_dataset("digits[size=8]")
SETUP = EvalConfig({}, samples=50)
SMALL_VQ = {"width": 8, "entries": 16, "code_width": 4, "prior": {"width": 4, "layers": 1}}


def model(family: str, seed: int = 0, **settings: Any) -> Family:
    settings = settings or {"width": 4, "latent": 3}
    built = initialise(lambda: build_family(family, settings, shape_of(DATASET)), seed)
    built.networks.eval()
    return built


def evidence(family: Family) -> Evidence:
    return Evidence(dataset_evidence(DATASET), SETUP, seed=0, model=family)


class Shift(nn.Module):
    """An encoder to N(μ, 1), whatever the image."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.mean.expand(len(x), 1), torch.zeros(len(x), 1)], dim=1)


class Slope(nn.Module):
    """A decoder whose images are all of the colour of a multiple of the code."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, z: Tensor) -> Tensor:
        return (self.slope * z).view(-1, 1, 1, 1).expand(-1, 1, 8, 8)


def test_a_score_function_gradient_varies_as_its_formula_says() -> None:
    """With a decoder that ignores the code the gradient by μ is the mean over images of
    −log p(x)·ε, whose variance is Σ log p(x)² / n², and the reparameterised one never varies.
    """
    vae = model("vae", latent=1, width=4, sigma=3.0)
    vae.networks = nn.ModuleDict({"encoder": Shift(), "decoder": Slope(0.0)})
    e = evidence(vae)
    x = to_float(DATASET.test.images[:GRADIENT_IMAGES]).double()
    likelihoods = -0.5 * x.square().flatten(1).sum(1) / 9 - 32 * math.log(2 * math.pi * 9)
    exact = float(likelihoods.square().sum()) / GRADIENT_IMAGES**2
    # ‖g − ḡ‖² over n draws sums to (n − 1) variances; of a Gaussian it varies by √(2/(n − 1)).
    measured = float(e["score_deviations"].sum()) / (GRADIENT_DRAWS - 1)
    assert measured == pytest.approx(exact, rel=4 * math.sqrt(2 / (GRADIENT_DRAWS - 1)))
    assert e["pathwise_deviations"].max() < 1e-8


def test_a_reparameterised_gradient_varies_as_its_formula_says() -> None:
    """With decoder s·z the loss of an image has the slope (s²·z·D − s·Σx)/σ² by μ, and z varies by
    1: the variance is (s²·D/σ²)² / n.
    """
    vae = model("vae", latent=1, width=4, sigma=3.0)
    vae.networks = nn.ModuleDict({"encoder": Shift(), "decoder": Slope(0.5)})
    deviations = evidence(vae)["pathwise_deviations"]
    exact = (0.25 * 64 / 9) ** 2 / GRADIENT_IMAGES
    measured = float(deviations.sum()) / (GRADIENT_DRAWS - 1)
    assert measured == pytest.approx(exact, rel=4 * math.sqrt(2 / (GRADIENT_DRAWS - 1)))


def test_measuring_gradients_leaves_the_model_as_it_was() -> None:
    vae = model("vae")
    vae.networks.requires_grad_(False)
    assert evidence(vae).measure(load_metric("gradient_variance")).value > 1
    assert all(p.grad is None and not p.requires_grad for p in vae.networks.parameters())
    assert vae.settings.gradient == "reparameterised"


@pytest.mark.parametrize(
    ("metric", "family", "settings", "reason"),
    [
        ("gradient_variance", "autoencoder", {}, "m is no VAE, whose encoder's"),
        ("gradient_variance", "vae", {"width": 4, "importance_samples": 3}, "several codes"),
        ("few_label_gain", "gan", {}, "m has no encoder to fine-tune"),
        ("few_label_gain", "masked-autoencoder", {"patch": 4}, "takes more than an image"),
        ("codebook_perplexity", "vae", {}, "m has no codebook of symbols"),
        ("code_bits", "autoencoder", {}, "m does not write images as bits"),
        ("kl", "autoencoder", {}, "m has no posterior over codes"),
    ],
)
def test_what_does_not_apply_says_why(
    metric: str, family: str, settings: dict[str, Any], reason: str
) -> None:
    subject = model_subject("m", model(family, **settings), DATASET, 50)
    assert reason in (obstacle(load_metric(metric), subject, SETUP) or "")


def test_weights_as_before_training_gain_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.evaluation.few_labels.FINE_TUNING_STEPS", 3)
    same = evidence(model("autoencoder", derive(0, "few labels")))
    assert torch.equal(same["tuned_hits"], same["scratch_hits"])
    other = evidence(model("autoencoder", 1))
    assert not torch.equal(other["tuned_hits"], other["scratch_hits"])
    assert torch.equal(other["scratch_hits"], same["scratch_hits"])


def test_dropout_of_an_encoder_is_drawn_from_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.evaluation.few_labels.FINE_TUNING_STEPS", 3)
    settings = {"network": "mlp", "depth": 1, "width": 8, "latent": 3, "dropout": 0.5}
    hits = [evidence(model("autoencoder", **settings))["tuned_hits"] for _ in range(2)]
    assert torch.equal(*hits)


def test_few_labels_teach_more_than_chance() -> None:
    e = evidence(model("autoencoder"))
    assert e.measure(load_metric("few_label_accuracy")).value > 0.5


def test_bits_of_a_codebook_are_those_of_its_prior() -> None:
    e = evidence(model("vq", **SMALL_VQ))
    symbols = e["code_symbols"]
    assert symbols.shape[1:] == (2, 2)
    with torch.no_grad():
        nats = e.model.networks["prior"].log_likelihood(symbols)
    assert torch.allclose(e["code_bits"], -nats / math.log(2), rtol=1e-4)
    assert 1 <= e.measure(load_metric("codebook_perplexity")).value <= 16


def test_bits_of_a_posterior_are_its_divergence_from_the_prior() -> None:
    e = evidence(model("vae"))
    kl = e.measure(load_metric("kl")).value
    assert e.measure(load_metric("code_bits")).value == pytest.approx(kl / math.log(2))
    assert e.measure(load_metric("kl_per_unit")).value == pytest.approx(kl / 3)


def test_the_bound_of_many_codes_is_above_that_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.evaluation.likelihoods.MANY_SAMPLES", 300)
    monkeypatch.setattr("harness.evaluation.likelihoods.MANY_SAMPLES_IMAGES", 40)
    e = evidence(model("vae"))
    assert len(e["many_importance_nats"]) == 40
    assert e["many_importance_nats"].mean() > e["importance_bound_nats"][:40].mean()
