"""CycleGAN's losses, term by term, and its networks against the paper's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import Family, ImageShape
from harness.families.capabilities import Translates
from harness.families.cyclegan import domains_of, translate_both
from harness.networks.cyclegan import PatchDiscriminator, ResidualTranslator

SHAPE = ImageShape(1, 8, classes=2, unpaired=True)
SMALL = {"width": 2, "blocks": 1}


class Times(nn.Module):
    """A translator that multiplies."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


def simple(**settings: Any) -> Family:
    """Images a = 0.5 and b = 1; G doubles, F takes a quarter; discriminators double images."""
    family = build_family("cyclegan", SMALL | settings, SHAPE)
    family.networks["to_b"], family.networks["to_a"] = Times(2.0), Times(0.25)
    family.networks["critic_b"], family.networks["critic_a"] = Times(2.0), Times(2.0)
    return family


def batch() -> Batch:
    values = torch.tensor([0.5, 1.0, 0.5, 1.0])
    return Batch(values[:, None, None, None].expand(-1, 1, 8, 8), torch.tensor([0, 1, 0, 1]))


def losses(family: Family) -> dict[str, dict[str, float]]:
    players = family.phases()[0].players
    found = {p.name: p.loss(family.networks, batch(), {}) for p in players}
    return {player: {k: v.item() for k, v in parts.items()} for player, parts in found.items()}


def test_the_losses_are_those_of_the_paper():
    found = losses(simple(cycle=10.0, identity=5.0))
    # G(a) = 1 and F(b) = 0.25; of b = 1 the discriminator says 2, of a = 0.5 it says 1.
    against = ((2 - 1) ** 2 + 2**2) / 2 + ((1 - 1) ** 2 + 0.5**2) / 2
    adversarial = (2 - 1) ** 2 + (0.5 - 1) ** 2
    cycle = abs(0.25 - 0.5) + abs(0.5 - 1)
    identity = abs(2 - 1) + abs(0.125 - 0.5)
    assert found["critics"] == {"loss": pytest.approx(against)}
    assert found["translators"] == {
        "loss": pytest.approx(adversarial + 10 * cycle + 5 * identity),
        "adversarial": pytest.approx(adversarial),
        "cycle": pytest.approx(cycle),
        "identity": pytest.approx(identity),
    }


def test_what_has_no_weight_is_not_computed():
    found = losses(simple(cycle=0.0))
    assert set(found["translators"]) == {"loss", "adversarial"}
    assert found["translators"]["loss"] == found["translators"]["adversarial"]


def test_discriminators_do_not_reach_the_translators():
    family = simple()
    family.phases()[0].players[0].loss(family.networks, batch(), {})["loss"].backward()
    assert all(family.networks[name].factor.grad is None for name in ("to_b", "to_a"))


def test_forward_is_from_the_first_domain_to_the_second():
    family = simple()
    assert isinstance(family, Translates)
    a, b = domains_of(batch().x)
    assert (a.unique().item(), b.unique().item()) == (0.5, 1.0)
    assert family.translate(a, "forward").unique().item() == 1.0
    assert family.translate(b, "backward").unique().item() == 0.25


@pytest.mark.parametrize("size", [8, 12, 16, 28, 32, 36, 64])
def test_every_size_has_its_translations_and_patches(size: int):
    family = build_family("cyclegan", SMALL, ImageShape(3, size, classes=2, unpaired=True))
    x = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for direction in ("forward", "backward"):
        made = family.translate(x, direction)
        assert made.shape == x.shape
        assert made.abs().max() <= 1
        assert not made.requires_grad
    for player in family.phases()[0].players:
        loss = player.loss(family.networks, Batch(x, torch.tensor([0, 1])), {})["loss"]
        parameters = [p for name in player.trains for p in family.networks[name].parameters()]
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        assert all(gradient is not None for gradient in gradients)


def test_the_networks_are_as_large_as_the_papers():
    """11.378 M and 2.765 M parameters, as the authors' code prints for their 9 blocks and 70×70
    patches on RGB images.
    """
    with torch.device("meta"):
        translator, discriminator = (
            ResidualTranslator(3, 256, 64, 9),
            PatchDiscriminator(3, 256, 64),
        )
        patches = discriminator(torch.zeros(1, 3, 256, 256))
    for network, millions in ((translator, 11.378), (discriminator, 2.765)):
        assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(
            millions, abs=5e-4
        )
    assert patches.shape == (1, 1, 30, 30)


def test_a_pool_shows_the_discriminators_earlier_translations():
    """What it gives back is what was made now or before, of the same domain, and nothing twice."""
    family = build_family("cyclegan", SMALL | {"pool": 3, "batch_size": 4}, SHAPE)
    discriminators, translators = family.phases()[0].players
    assert translators.prepare is None
    assert isinstance(discriminators.prepare, nn.Module)
    generator, made, shown = torch.Generator().manual_seed(0), [], []
    with torch.no_grad():
        for step in range(12):
            for p in family.networks["to_b"].parameters():
                p.add_(0.01 * (step + 1))
            noise = discriminators.noise(4, generator)
            prepared = discriminators.prepare(family.networks, batch(), noise)
            made.append(translate_both(family.networks, batch()))
            shown.append(prepared["made"])
    assert torch.equal(made[0], shown[0])
    for domain in (0, 1):
        all_made = torch.cat([m[domain::2] for m in made]).flatten(1)
        all_shown = torch.cat([s[domain::2] for s in shown]).flatten(1)
        assert (all_shown[:, None] == all_made).all(dim=2).any(dim=1).all()


def test_discriminators_are_shown_what_the_pool_gives():
    family = simple()
    loss = family.phases()[0].players[0].loss
    made = torch.tensor([3.0, 5.0, 3.0, 5.0])[:, None, None, None].expand(-1, 1, 8, 8)
    found = loss(family.networks, batch(), {"made": made})["loss"].item()
    on_real = (2 * 0.5 - 1) ** 2 + (2 * 1 - 1) ** 2  # the domains' images are 0.5 and 1
    assert found == pytest.approx((on_real + 6**2 + 10**2) / 2)


def test_without_a_pool_nothing_is_drawn():
    discriminators, _ = build_family("cyclegan", SMALL, SHAPE).phases()[0].players
    assert discriminators.prepare is None
    assert discriminators.noise(4, torch.Generator()) == {}


def test_what_cannot_be_built_says_what_would_be_right():
    with pytest.raises(BadInput, match=r"digits\[unpaired=outlines\]"):
        build_family("cyclegan", SMALL, ImageShape(1, 8, classes=2))
    with pytest.raises(ValidationError, match="multiple of 2"):
        build_family("cyclegan", SMALL | {"batch_size": 3}, SHAPE)
