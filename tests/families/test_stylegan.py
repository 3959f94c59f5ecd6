"""What a style-based GAN adds: styles that are mixed, noise of each layer, and two spaces."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.stylegan import StyleGAN
from harness.networks.style import mixed_styles

SMALL = {
    "width": 4, "latent": 6, "mapping": 2, "batch_size": 8,
    "discriminator": {"norm": "none", "head": ["minibatch-stddev"]},
    "penalties": [{"kind": "r1", "weight": 10.0}],
}  # fmt: skip


RESIDUAL = {"blocks": "residual", "activation": "relu"}
PAPERS = {"architecture": "stylegan2", "norm": "none"}


def stylegan(**settings: Any) -> StyleGAN:
    torch.manual_seed(0)
    family = build_family("stylegan", SMALL | settings, ImageShape(1, 16, classes=3))
    assert isinstance(family, StyleGAN)
    return family


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("settings", [
    {}, {"modulation": "adain"}, {"conditional": True}, {"discriminator": PAPERS},
    {"conditional": True, "discriminator": PAPERS | {"conditioning": "concatenation"}},
])  # fmt: skip
def test_every_weight_has_a_gradient_of_its_own_players_loss(settings: dict[str, Any]):
    family = stylegan(**settings)
    batch = Batch(torch.rand(8, 1, 16, 16) * 2 - 1, torch.arange(8) % 3)
    for player in family.phases()[0].players:
        loss = player.loss(family.networks, batch, player.noise(8, seeded()))["loss"]
        weights = list(family.networks[player.trains[0]].parameters())
        assert all(
            slope is not None for slope in torch.autograd.grad(loss, weights, allow_unused=True)
        )


def test_training_mixes_styles_as_often_as_the_recipe_says():
    for mixing in (0.0, 0.75):
        family = stylegan(mixing=mixing)
        layers = len(family.networks["generator"].layers)
        crossover = family.generator_noise(4000, seeded())["crossover"]
        assert (crossover < layers).float().mean().item() == pytest.approx(mixing, abs=0.03)
        assert crossover.min() >= 1
        assert set(crossover.tolist()) == ({layers} if not mixing else set(range(1, layers + 1)))


def test_images_of_training_have_the_styles_and_the_noise_that_were_drawn():
    family = stylegan()
    generator = family.networks["generator"]
    for layer in generator.layers:
        torch.nn.init.ones_(layer.noise_scale)
    noise = family.generator_noise(5, seeded())
    made = family.made(generator, torch.zeros(5).long(), noise)
    styles = mixed_styles(
        generator.styles(noise["z"]), generator.styles(noise["other"]), noise["crossover"]
    )
    layers = [noise[f"layer_{index}"] for index in range(len(generator.layers))]
    torch.testing.assert_close(made, generator.synthesise(styles, layers))


def test_codes_of_both_spaces_give_the_same_images():
    """Sampling by styles differs in what a code is, and in nothing that is drawn."""
    z, w = stylegan(), stylegan(sampling={"space": "w"})
    torch.testing.assert_close(z.sample(4, seeded()), w.sample(4, seeded()))
    codes = z.latents(4, seeded())
    torch.testing.assert_close(w.latents(4, seeded()), z.networks["generator"].mapping(codes))


def test_truncated_styles_are_as_much_closer_to_their_mean():
    full, half = stylegan(sampling={"space": "w"}), stylegan(
        sampling={"space": "w", "truncation": 0.5}
    )  # fmt: skip
    seen: list[torch.Tensor] = []
    for family in (full, half):
        network = family.networks["generator"]
        network.synthesise = lambda styles: (seen.append(styles), torch.zeros(len(styles)))[1]
        family.decode(family.latents(500, seeded()))
    whole, truncated = (styles[:, 0] for styles in seen)
    mean = 2 * truncated - whole  # the same for all codes, and near that of these
    torch.testing.assert_close(mean, mean[:1].expand_as(mean), rtol=1e-3, atol=1e-4)
    assert (mean[0] - whole.mean(dim=0)).abs().max() < 0.5 * whole.std(dim=0).max()


def test_opponents_have_the_noise_of_training():
    family = stylegan()
    assert family.opponent_samples(7, seeded()).shape == (7, 1, 16, 16)
    assert family.discriminate(family.sample(5, seeded())).shape == (5,)


@pytest.mark.parametrize(
    ("settings", "right"),
    [
        ({"network": "mlp", "depth": 2}, "leave out network"),
        ({"generator": {"blocks": "residual"}}, "has no blocks; leave it out"),
        ({"conditional": True, "sampling": {"space": "w"}}, "not conditional"),
        ({"sampling": {"truncation": 0}}, "greater than 0"),
        ({"mapping": 0}, "greater than or equal to 1"),
        ({"discriminator": PAPERS | {"norm": "spectral"}}, "say norm: none"),
        (
            {"discriminator": PAPERS | RESIDUAL},
            "blocks: strided",
        ),
        ({"discriminator": PAPERS | {"head": ["minibatch-stddev"]}}, r"say head: \[\]"),
    ],
)
def test_what_does_not_go_together_says_what_would_do(settings: dict[str, Any], right: str):
    with pytest.raises(ValidationError, match=right):
        stylegan(**settings)


def test_the_mean_length_follows_the_generators_steps():
    family = stylegan(path_length={"weight": 2.0, "share": 0.5, "rate": 0.25})
    batch = Batch(torch.rand(8, 1, 16, 16) * 2 - 1, torch.arange(8) % 3)
    generator = family.phases()[0].players[-1]
    noise = generator.noise(8, seeded())
    losses = generator.loss(family.networks, batch, noise)
    plain = stylegan().phases()[0].players[-1].loss(family.networks, batch, noise)
    lengths = (losses["path_length"]).item()
    torch.testing.assert_close(losses["loss"], plain["loss"] + 2 * losses["path_length"])
    assert generator.after is not None
    after = generator.after(family.networks, batch, noise)
    assert after is not None
    mean = after["mean_path_length"].item()
    assert family.networks["path_mean"].value.item() == mean
    # The mean was 0, so that the penalty is E l² ≥ (E l)², and a quarter of E l is the mean now.
    assert 0 < 4 * mean <= lengths**0.5
    generator.after(family.networks, batch, noise)
    assert family.networks["path_mean"].value.item() == pytest.approx(mean * 1.75)
