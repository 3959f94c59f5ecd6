"""Fitted baselines, and autoencoders with a density of their codes."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from harness.config.recipe import load_recipe
from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.data.loader import Batches
from harness.data.pixels import to_float
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.capabilities import Decodes, Encodes, Latents, Samples
from harness.plan.building import build_model
from harness.training.loop import train

DIGITS = load_dataset("digits[size=8]")
TRAIN, TEST = to_float(DIGITS.train.images), to_float(DIGITS.test.images)
SMALL = {"width": 4, "latent": 6}


def fitted(recipe: str, images: int = 0, whole: int | None = None, **settings: object) -> Any:
    found = load_recipe(recipe)
    model = build_model(found.family, found.settings | settings, DIGITS, seed=0)
    batches = Batches(DIGITS.train, model.settings.batch_size, seed=0)
    device = torch.device("cpu")
    result = train(model, batches, images, seed=0, device=device, horizon_images=whole)
    assert (result.images > 0) == model.takes_steps
    return model


def test_pca_is_scikit_learns_on_images():
    model = fitted("pca/pca-32")
    reference = PCA(32, svd_solver="full").fit(TRAIN.double().flatten(1).numpy())
    codes = reference.transform(TEST.double().flatten(1).numpy())
    np.testing.assert_allclose(model.encode(TEST.double()), codes, atol=1e-10)
    rebuilt = reference.inverse_transform(codes).clip(-1, 1)
    made = model.reconstruct(TEST.double())
    assert made.shape == TEST.shape
    np.testing.assert_allclose(made.flatten(1), rebuilt, atol=1e-10)


def test_more_components_reconstruct_better_and_all_of_them_exactly():
    errors = []
    for count in (4, 8, 16, 32, 64):
        made = fitted(f"pca/pca-{count}").reconstruct(TEST)
        errors.append(float((made - TEST).square().mean()))
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-12


def test_samples_of_pca_have_the_variances_of_the_components():
    model = fitted("pca/pca-8")
    codes = model.encode(model.sample(4000, torch.Generator().manual_seed(0)))
    # Images are clipped to [-1, 1], which takes from the variance.
    ratio = codes.double().var(dim=0) / model.networks["components"].variances
    assert bool(((ratio > 0.5) & (ratio < 1.1)).all())


def test_the_mean_image_takes_the_place_of_every_image():
    model = fitted("baseline/mean-image")
    mean = TRAIN.double().mean(dim=0)
    for made in (model.reconstruct(TEST), model.restore(TEST, None)):
        assert made.shape == TEST.shape
        np.testing.assert_allclose(made, mean.expand_as(TEST), atol=1e-6)
    assert not isinstance(model, Encodes | Samples)


@pytest.mark.parametrize("recipe", ["autoencoder/conv-gaussian", "autoencoder/conv-mixture"])
def test_the_autoencoder_below_a_density_is_the_one_without_to_the_bit(recipe: str):
    alone, with_density = (fitted(name, 640, **SMALL) for name in ("autoencoder/conv", recipe))
    assert torch.equal(with_density.reconstruct(TEST), alone.reconstruct(TEST))


def test_codes_have_the_prior_from_which_a_gaussian_samples():
    model = fitted("autoencoder/conv-gaussian", 640, **SMALL)
    assert isinstance(model, Latents) and isinstance(model, Decodes)  # noqa: PT018
    codes = model.encode(TRAIN).double()
    np.testing.assert_allclose(codes.mean(dim=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.cov(codes.numpy().T), np.eye(6), atol=1e-3)
    torch.testing.assert_close(model.decode(model.encode(TEST)), model.reconstruct(TEST))
    images = model.sample(20, torch.Generator().manual_seed(0))
    latents = model.latents(20, torch.Generator().manual_seed(0))
    assert torch.equal(images, model.decode(latents))


def test_a_mixture_samples_images_near_those_of_the_codes():
    model = fitted("autoencoder/conv-mixture", 640, **SMALL)
    assert not isinstance(model, Latents)
    assert float(model.networks["density"].weights.sum()) == pytest.approx(1)
    images = model.sample(200, torch.Generator().manual_seed(0))
    rebuilt = model.reconstruct(TRAIN)
    assert float((images.mean(dim=0) - rebuilt.mean(dim=0)).abs().max()) < 0.2


def test_a_training_fraction_has_the_density_of_its_own_codes():
    """It is the whole training stopped half-way, and what is fitted to the outcome comes last."""
    constant = {"optimizer": {"lr": 1e-3, "schedule": {"kind": "constant"}}}
    half, shorter = (
        fitted("autoencoder/conv-gaussian", 320, whole, **SMALL, **constant) for whole in (640, 320)
    )
    for name, tensor in half.networks.state_dict().items():
        assert torch.equal(tensor, shorter.networks.state_dict()[name]), name


def test_more_components_than_an_image_has_values_are_one_line():
    with pytest.raises(BadInput, match="65 components of images that have 64 values"):
        build_family("pca", {"components": 65}, ImageShape(1, 8))


@pytest.mark.parametrize("family", ["pca", "mean-image"])
def test_images_of_other_channels_are_made_by_translations(family: str):
    with pytest.raises(BadInput, match="a translation does"):
        build_family(family, {}, ImageShape(3, 8, source_channels=1))
