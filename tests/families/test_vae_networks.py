"""VAEs with other networks: conditional, of maps of codes, with an autoregressive decoder."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import Family, ImageShape
from harness.families.capabilities import (
    ConditionalSamples,
    Decodes,
    Likelihood,
    Reconstructs,
    Samples,
)
from harness.families.prior_autoencoder import PriorAutoencoder
from harness.families.vae_variants import AutoregressiveVAE, ConditionalVAE, SpatialVAE


def built(name: str, size: int = 8, classes: int = 3, **settings: Any) -> Family:
    torch.manual_seed(0)
    family = build_family(name, {"width": 4} | settings, ImageShape(1, size, classes=classes))
    family.networks.eval()
    return family


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_conditional_one_makes_images_of_a_class_and_reconstructs_none() -> None:
    family = built("conditional-vae", latent=3)
    assert isinstance(family, ConditionalVAE)
    assert isinstance(family, ConditionalSamples)
    for lacking in (Reconstructs, Decodes, Likelihood):
        assert not isinstance(family, lacking)
    of_two = family.sample_labels(torch.full((4,), 2), seeded())
    assert torch.equal(of_two, family.sample_labels(torch.full((4,), 2), seeded()))
    assert not torch.equal(of_two, family.sample_labels(torch.full((4,), 1), seeded()))
    with pytest.raises(BadInput, match="no classes"):
        built("conditional-vae", classes=0)


def test_a_spatial_one_has_a_map_as_its_code() -> None:
    family = built("spatial-vae", 16, factor=4, code_channels=2)
    assert isinstance(family, SpatialVAE)
    x = torch.rand(3, 1, 16, 16, generator=seeded()) * 2 - 1
    mean, logvar = family.posterior(x)
    assert mean.shape == logvar.shape == family.latents(3, seeded()).shape == (3, 2 * 4 * 4)
    assert family.reconstruct(x).shape == family.sample(3, seeded()).shape == x.shape
    with pytest.raises(ValidationError, match="network: conv"):
        built("spatial-vae", network="mlp", depth=1)


def test_an_autoregressive_decoder_gives_all_images_of_a_code_a_probability() -> None:
    family = built("autoregressive-vae", 8, latent=2, likelihood="bernoulli")
    assert isinstance(family, AutoregressiveVAE)
    every = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=9))).view(512, 1, 3, 3)
    z = torch.tensor([[0.5, -2.0]]).expand(512, 2)
    total = family.image_log_likelihood(family.networks, every.double(), z).exp().sum()
    assert float(total.detach()) == pytest.approx(1, abs=1e-5)
    samples = family.sample(5, seeded())
    assert set(samples.unique().tolist()) <= {-1.0, 1.0}
    assert torch.equal(samples, family.sample(5, seeded()))
    codes = family.encode(samples)
    assert torch.equal(family.decode(codes), family.reconstruct(samples))


def test_an_autoregressive_decoder_is_refused_for_other_images() -> None:
    with pytest.raises(ValidationError, match="goes with likelihood: bernoulli"):
        built("autoregressive-vae")
    with pytest.raises(BadInput, match="takes grey images"):
        build_family("autoregressive-vae", {"likelihood": "bernoulli"}, ImageShape(3, 8))


def test_an_autoencoder_of_a_prior_samples_from_it_and_needs_a_penalty_for_that() -> None:
    family = built("prior-autoencoder", latent=3, codes=[{"kind": "mmd", "weight": 1.0}])
    assert isinstance(family, PriorAutoencoder)
    assert torch.equal(family.sample(4, seeded()), family.decode(family.latents(4, seeded())))
    with pytest.raises(ValidationError, match=r"such as \{kind: mmd\}"):
        built("prior-autoencoder", codes=[{"kind": "l1", "weight": 1.0}])


def test_an_adversarial_one_plays_a_game_about_codes() -> None:
    family = built("adversarial-autoencoder", latent=3)
    x = torch.rand(4, 1, 8, 8, generator=seeded()) * 2 - 1
    batch = Batch(x, torch.zeros(4, dtype=torch.int64))
    model, discriminator, encoder = family.phases()[0].players
    family.networks.eval()
    noise = discriminator.noise(4, seeded())
    codes = family.networks["encoder"](x)
    judge = family.networks["discriminator"]
    expected = -judge(noise["prior"]).sigmoid().log().mean()
    expected = expected - (1 - judge(codes).sigmoid()).log().mean()
    loss = discriminator.loss(family.networks, batch, noise)["loss"]
    torch.testing.assert_close(loss, expected)
    weights = list(family.networks["encoder"].parameters())
    assert torch.autograd.grad(loss, weights, allow_unused=True) == (None,) * len(weights)
    loss = encoder.loss(family.networks, batch, encoder.noise(4, seeded()))["loss"]
    torch.testing.assert_close(loss, -judge(codes).sigmoid().log().mean())
    assert model.trains == ("encoder", "decoder")
    assert isinstance(family, Samples)


def test_a_vae_gan_has_three_losses_of_three_players() -> None:
    family = built("vae-gan", latent=3, similarity=0.5, beta=2.0)
    x = torch.rand(4, 1, 8, 8, generator=seeded()) * 2 - 1
    batch, networks = Batch(x, torch.zeros(4, dtype=torch.int64)), family.networks
    encoder, decoder, discriminator = family.phases()[0].players
    noise = encoder.noise(4, seeded())
    mean, logvar = networks["encoder"](x).chunk(2, dim=1)
    rebuilt = networks["decoder"](mean + (logvar / 2).exp() * noise["epsilon"])
    made, judge = networks["decoder"](noise["prior"]), networks["discriminator"]
    error = (judge.body(x) - judge.body(rebuilt)).square().sum(dim=1).mean() / 2
    kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(dim=1).mean()
    torch.testing.assert_close(encoder.loss(networks, batch, noise)["loss"], error + 2 * kl)
    fake = torch.cat([judge(rebuilt), judge(made)]).sigmoid()
    game = -fake.log().mean()
    torch.testing.assert_close(decoder.loss(networks, batch, noise)["loss"], error / 2 + game)
    expected = -judge(x).sigmoid().log().mean() - (1 - fake).log().mean()
    loss = discriminator.loss(networks, batch, noise)["loss"]
    torch.testing.assert_close(loss, expected)
    weights = list(networks["decoder"].parameters())
    assert torch.autograd.grad(loss, weights, allow_unused=True) == (None,) * len(weights)
    assert isinstance(family, Reconstructs)
    assert not isinstance(family, Likelihood)  # of pixels it has none
    with pytest.raises(ValidationError, match="goes with network: conv"):
        built("vae-gan", network="mlp", depth=1)


@pytest.mark.parametrize(
    "unused",
    [
        {"sigma": "learned"},
        {"likelihood": "bernoulli"},
        {"divergence": {"kind": "free-bits", "amount": 0.25}},
    ],
)
def test_a_vae_gan_refuses_the_settings_that_its_losses_do_not_read(unused: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="a VAE-GAN"):
        built("vae-gan", **unused)


def test_a_contrastive_encoder_sees_two_views_of_each_image() -> None:
    family = built("contrastive", latent=3)
    player = family.phases()[0].players[0]
    x = torch.rand(6, 1, 8, 8, generator=seeded()) * 2 - 1
    batch = Batch(x, torch.zeros(6, dtype=torch.int64))
    first, other = player.noise(6, seeded()), player.noise(6, seeded(1))
    assert not torch.equal(first["first"], first["second"])
    loss = player.loss(family.networks, batch, first)["loss"]
    assert torch.equal(loss, player.loss(family.networks, batch, first)["loss"])
    assert not torch.equal(loss, player.loss(family.networks, batch, other)["loss"])
    assert not isinstance(family, Reconstructs)
    with pytest.raises(ValidationError, match="'resized-crop'"):
        built("contrastive", augment=["rotation"])
