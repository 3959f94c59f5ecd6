"""Factors that are read off images, and the images of mixed styles."""

from __future__ import annotations

import pytest
import torch

from harness.data import load_dataset
from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence, dataset_evidence
from harness.evaluation.factors import read_factors
from harness.evaluation.protocols import EvalConfig
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.stylegan import StyleGAN

SMALL = {
    "width": 4, "latent": 6, "mapping": 2, "batch_size": 8,
    "discriminator": {"norm": "none"}, "penalties": [{"kind": "r1", "weight": 10.0}],
}  # fmt: skip


def test_a_training_image_has_its_own_factors_at_no_distance():
    split = load_dataset("shapes[test=10,train=600]").train
    factors, distances = read_factors(split.images[100:500], split.images, split.factors)
    assert torch.equal(factors, split.factors[100:500])
    assert distances.max() < 0.5  # of values up to 255: sums in float32 are rounded


def test_noise_changes_no_reading_and_is_the_distance():
    split = load_dataset("shapes[test=10,train=600]").train
    draws = torch.Generator().manual_seed(0)
    noisy = split.images.float() + 4 * torch.randn(split.images.shape, generator=draws)
    factors, distances = read_factors(noisy, split.images.float(), split.factors)
    assert torch.equal(factors, split.factors)
    assert distances.mean().item() == pytest.approx(4, rel=0.02)


class Recall:
    """A model whose code of an image is the image's number among those of `images`."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images = to_float(images)

    def latents(self, n: int, draws: torch.Generator) -> torch.Tensor:
        return torch.randint(len(self.images), (n, 1), generator=draws).float()

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return self.images[z[:, 0].long()]


def test_outliers_among_training_images_shift_no_factors():
    dataset = load_dataset("shapes[test=10,train=600,outliers=0.2]")
    setup = EvalConfig({}, samples=10)
    e = Evidence(dataset_evidence(dataset), setup, seed=0, model=Recall(dataset.inliers.images))
    assert torch.equal(e["latent_factors"], dataset.inliers.factors[e["latent_codes"][:, 0].long()])
    assert e["factor_distances"].max() < 0.5


def test_mixed_images_have_the_styles_of_one_code_first_and_of_the_other_then():
    torch.manual_seed(0)
    for space in ("z", "w"):
        settings = SMALL | {"sampling": {"space": space, "truncation": 0.7}}
        family = build_family("stylegan", settings, ImageShape(3, 16))
        assert isinstance(family, StyleGAN)
        draws = torch.Generator().manual_seed(0)
        first, second = family.latents(5, draws), family.latents(5, draws)
        assert torch.allclose(family.mix_styles(first, first), family.decode(first), atol=1e-5)
        mixed = family.mix_styles(first, second)
        network = family.networks["generator"]
        styles = [family._styles(z)[:, None].repeat(1, len(network.layers), 1)
                  for z in (first, second)]  # fmt: skip
        half = len(network.layers) // 2
        by_hand = torch.cat([styles[0][:, :half], styles[1][:, half:]], dim=1)
        assert torch.allclose(mixed, network.synthesise(by_hand).clamp(-1, 1), atol=1e-5)
