"""Fourier features, against their definition."""

from __future__ import annotations

import math

import pytest
import torch
from pydantic import ValidationError

from harness.families import build_family
from harness.families.base import ImageShape
from harness.networks.fourier import FourierFeatures, FourierSettings
from harness.networks.mlp import MLPDenoiser


def test_the_features_are_the_input_and_its_cosines_and_sines():
    torch.manual_seed(0)
    features, v = FourierFeatures(2, FourierSettings(count=3, scale=2.0)), torch.randn(5, 2)
    out = features(v)
    assert out.shape == (5, 8)
    for n in range(5):
        for k, (a, b) in enumerate(features.frequencies.tolist()):
            angle = 2 * math.pi * (a * v[n, 0].item() + b * v[n, 1].item())
            assert out[n, 2 + k].item() == pytest.approx(math.cos(angle), abs=1e-5)
            assert out[n, 5 + k].item() == pytest.approx(math.sin(angle), abs=1e-5)
    assert torch.equal(out[:, :2], v)


def test_frequencies_have_the_deviation_that_is_asked_for_and_are_stored():
    torch.manual_seed(0)
    features = FourierFeatures(2, FourierSettings(count=5000, scale=3.0))
    assert features.frequencies.std().item() == pytest.approx(3.0, rel=0.03)
    assert list(features.state_dict()) == ["frequencies"]
    assert not list(features.parameters())


def test_a_denoiser_without_them_is_as_it_was():
    names = list(MLPDenoiser(2, 1, 8, 2).state_dict())
    assert all(name.startswith("body") for name in names)


def test_convolutions_have_none():
    with pytest.raises(ValidationError, match="fourier features go with network: mlp"):
        build_family("diffusion", {"fourier": {"count": 4}}, ImageShape(1, 16))
