"""Layers and numbers of weights of autoencoders that follow a paper or are compared at one size."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from harness.config.recipe import load_recipe
from harness.families import build_family
from harness.families.base import Family, ImageShape
from harness.families.vq import VQ

MNIST = ImageShape(1, 28)


def built(name: str, shape: ImageShape = MNIST) -> Family:
    recipe = load_recipe(name)
    return build_family(recipe.family, recipe.settings, shape)


def layers(network: nn.Module) -> list[tuple[int, ...]]:
    """The shapes of the weight matrices and filters of a network, in their order."""
    kinds = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
    return [tuple(m.weight.shape) for m in network.modules() if isinstance(m, kinds)]


def count(family: Family, *names: str) -> int:
    parts = [family.networks[name] for name in names] or [family.networks]
    return sum(p.numel() for part in parts for p in part.parameters())


@pytest.mark.parametrize("name", ["vae/mlp-bernoulli", "vae/mlp-iwae"])
def test_the_vae_of_binarised_digits_is_784_400_40(name: str) -> None:
    """Mean and log-variance of 40 numbers leave the encoder, and 784 log-odds the decoder."""
    family = built(name)
    assert layers(family.networks["encoder"]) == [(400, 784), (80, 400)]
    assert layers(family.networks["decoder"]) == [(400, 40), (784, 400)]
    expected = (784 + 1) * 400 + (400 + 1) * 80 + (40 + 1) * 400 + (400 + 1) * 784
    assert count(family) == expected == 676_864


def test_convolutions_and_full_connections_are_compared_at_equal_size() -> None:
    conv, dense = count(built("autoencoder/conv")), count(built("autoencoder/dense"))
    assert (conv, dense) == (119_073, 118_464)


@pytest.mark.parametrize("name", ["autoencoder/overcomplete", "autoencoder/sparse"])
def test_an_over_complete_one_has_one_layer_on_each_side(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it may learn to copy
        family = built(name)
    assert layers(family.networks["encoder"]) == [(1024, 784)]
    assert layers(family.networks["decoder"]) == [(784, 1024)]


def test_deep_and_stacked_are_the_same_network() -> None:
    deep, stacked = built("autoencoder/deep"), built("autoencoder/stacked")
    expected = [(256, 784), *[(256, 256)] * 3, (32, 256)]
    assert layers(deep.networks["encoder"]) == expected
    assert count(deep) == count(stacked)


def test_the_encoder_of_deep_svdd_has_no_biases() -> None:
    encoder = built("autoencoder/deep-svdd").networks["encoder"]
    kinds = (nn.Linear, nn.Conv2d)
    assert all(m.bias is None for m in encoder.modules() if isinstance(m, kinds))


def test_codes_of_a_codebook_are_a_quarter_of_the_images_side() -> None:
    family = built("vq/vq-vae", ImageShape(1, 32))
    assert isinstance(family, VQ)
    assert tuple(family.networks["quantiser"].codebook.shape) == (128, 16)
    assert family.symbols(torch.zeros(1, 1, 32, 32)).shape == (1, 8, 8)
