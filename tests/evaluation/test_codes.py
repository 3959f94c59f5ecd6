"""Evidence on codes and likelihoods, and the metrics that rest on it, of real models."""

import pytest
import torch

from harness.data import load_dataset
from harness.data.pixels import to_float
from harness.evaluation.codes import PATHS
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.protocols import EvalConfig, obstacle, protocol
from harness.evaluation.subject import model_subject
from harness.families import build_family
from harness.metrics import load_metric
from harness.objectives.codes import jacobian_norms
from harness.plan import shape_of
from harness.training.init import initialise

DATASET = load_dataset("digits")
SETUP = EvalConfig(
    {"extractor": "classifier:digits", "perceptual": "classifier:digits"}, samples=50
)
REPRESENTATION = ("linear_probe", "knn_accuracy", "retrieval_precision")
LIKELIHOOD = ("elbo", "importance_bound", "bits_per_dim")
FACTORS = ("mig", "sap", "dci_disentanglement", "factorvae_score")


def model(family: str):
    built = initialise(lambda: build_family(family, {"width": 8}, shape_of(DATASET)), 0)
    built.networks.eval()
    return built


def evidence(family: str, seed: int = 0) -> Evidence:
    return Evidence(dataset_evidence(DATASET), SETUP, seed=seed, model=model(family))


@pytest.fixture(scope="module")
def vae() -> Evidence:
    return evidence("vae")


def test_random_convolutions_keep_enough_to_tell_digits(vae: Evidence):
    for name in REPRESENTATION:
        assert 0.3 < vae.measure(load_metric(name)).value <= 1


def test_an_untrained_posterior_is_a_standard_gaussian_to_the_bound(vae: Evidence):
    elbo, bound = (vae.measure(load_metric(n)).value for n in LIKELIHOOD[:2])
    assert elbo < bound, "the bound of more codes is tighter"
    bits = vae.measure(load_metric("bits_per_dim")).value
    nats = -elbo / 256 + torch.log(torch.tensor(127.5)).item()
    assert bits == pytest.approx(nats / 0.6931471805599453)


def test_bounds_are_the_same_again_and_others_for_another_seed(vae: Evidence):
    assert torch.equal(vae["elbo_nats"], evidence("vae")["elbo_nats"])
    assert not torch.equal(vae["elbo_nats"], evidence("vae", seed=1)["elbo_nats"])


@pytest.mark.parametrize("family", ["vae", "gan"])
def test_paths_through_latent_space_have_a_length(family: str):
    e = evidence(family)
    distances = e["path_distances"]
    assert distances.shape == (PATHS,)
    assert (distances >= 0).all()
    assert e.measure(load_metric("latent_path_length")).value > 0


def test_a_decoder_that_ignores_its_code_has_paths_of_length_zero():
    e = evidence("vae")
    for parameter in e.model.networks["decoder"].parameters():
        torch.nn.init.zeros_(parameter)
    assert e["path_distances"].max() == 0


def subject(family: str):
    return model_subject(family, model(family), DATASET, 50)


@pytest.mark.parametrize(
    ("name", "family", "reason"),
    [
        ("linear_probe", "gan", "gan does not encode images"),
        ("elbo", "autoencoder", "autoencoder does not bound the likelihood of images"),
        ("active_units", "autoencoder", "autoencoder has no posterior over codes"),
        ("latent_path_length", "autoencoder", "autoencoder makes no images from codes of a prior"),
        ("prior_distance", "autoencoder", "autoencoder makes no images from codes of a prior"),
        (
            "code_drift",
            "autoencoder",
            "digits has no damaged copies of its images; name such, as in "
            "mnist[denoise=gaussian-0.2]",
        ),
        ("pixel_auroc", "autoencoder", "digits has no masks of defects"),
        *((name, "vae", "digits has no factors of variation") for name in FACTORS),
    ],
)
def test_what_does_not_apply_says_why(name: str, family: str, reason: str):
    assert obstacle(load_metric(name), subject(family), SETUP) == reason


def test_protocols_name_the_splits():
    label = protocol(load_metric("linear_probe"), subject("vae"), SETUP).label()
    assert "n=599 train+test" in label
    assert "n=599 test" in protocol(load_metric("elbo"), subject("vae"), SETUP).label()


class Linear:
    """Codes are two of the pixels' sums, and images are made of two patterns."""

    patterns = torch.randn(2, 256, generator=torch.Generator().manual_seed(0)) / 100

    def encode(self, x):
        return x.flatten(1) @ self.patterns.T

    def decode(self, z):
        return (z @ self.patterns).view(-1, 1, 16, 16)


def test_the_directions_of_a_linear_decoder_are_its_patterns():
    e = Evidence(dataset_evidence(DATASET), SETUP, seed=0, model=Linear())
    directions = e["decoder_directions"]
    assert directions.shape == (2, 256)
    for row, pattern in zip(directions, Linear.patterns, strict=True):
        assert torch.cosine_similarity(row, pattern, dim=0) == pytest.approx(1, abs=1e-5)


def linear_evidence(dataset: str) -> Evidence:
    return Evidence(dataset_evidence(load_dataset(dataset)), SETUP, seed=0, model=Linear())


def test_codes_of_damaged_images_are_the_models_own():
    e = linear_evidence("digits[denoise=gaussian-0.2]")
    sources = to_float(e["test_sources"])
    assert torch.allclose(e["damaged_codes"], Linear().encode(sources), atol=1e-6)
    assert e.measure(load_metric("code_drift")).value > 0


def test_the_jacobian_of_a_linear_encoder_is_its_matrix(monkeypatch):
    norm = Linear.patterns.double().square().sum()
    estimated = linear_evidence("digits")["encoder_jacobian_norms"]
    assert len(estimated) == len(DATASET.test)
    error = float(estimated.std()) / len(estimated) ** 0.5
    assert abs(estimated.mean() - norm) < 3 * error
    monkeypatch.setattr("harness.evaluation.jacobians.EXACT_VALUES", 256)
    exact = linear_evidence("digits")["encoder_jacobian_norms"]
    assert torch.allclose(exact, norm.expand(len(exact)), rtol=1e-5)


def test_the_jacobian_of_a_network_is_that_of_backward_differentiation(monkeypatch):
    monkeypatch.setattr("harness.evaluation.jacobians.EXACT_VALUES", 256)
    monkeypatch.setattr("harness.evaluation.jacobians.JACOBIAN_IMAGES", 3)
    e = evidence("autoencoder")
    x = to_float(DATASET.test.images[:3])
    expected = jacobian_norms(e.model.networks["encoder"], x).detach().double()
    assert torch.allclose(e["encoder_jacobian_norms"], expected, rtol=1e-4)


def test_codes_of_a_codebook_have_no_slope(monkeypatch):
    monkeypatch.setattr("harness.evaluation.jacobians.JACOBIAN_IMAGES", 2)
    assert evidence("vq")["encoder_jacobian_norms"].eq(0).all()


def test_codes_that_meet_the_prior_are_drawn_from_the_posterior(vae: Evidence):
    means, logvars = vae["posterior_means"], vae["posterior_logvars"]
    noise = (vae["drawn_codes"] - means) / (logvars / 2).exp()
    assert abs(float(noise.mean())) < 4 / noise.numel() ** 0.5
    assert float(noise.std()) == pytest.approx(1, abs=0.03)
    assert vae["prior_codes"].shape == means.shape
    assert vae.measure(load_metric("prior_distance")).stderr > 0
