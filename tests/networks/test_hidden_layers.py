"""The hidden layers of fully connected networks, against their definitions."""

from __future__ import annotations

import torch
from torch import nn

from harness.config.recipe import load_recipe
from harness.families import build_family
from harness.families.base import ImageShape
from harness.networks.hidden_layers import HIDDEN_LAYERS, PIECES, Maxout


def test_a_maxout_unit_is_the_largest_of_its_affine_functions():
    torch.manual_seed(0)
    unit, x = Maxout(3, 4), torch.randn(6, 3)
    weight, bias = unit.pieces.weight.view(4, PIECES, 3), unit.pieces.bias.view(4, PIECES)
    expected = (torch.einsum("opi,ni->nop", weight, x) + bias).amax(dim=2)
    torch.testing.assert_close(unit(x), expected)


def test_a_maxout_of_one_sign_is_the_absolute_value():
    unit = Maxout(1, 1)
    with torch.no_grad():
        unit.pieces.bias.zero_()
        unit.pieces.weight.copy_(torch.tensor([[1.0], [-1.0], [0.0], [0.5], [-0.5]]))
    x = torch.linspace(-2, 2, 9)[:, None]
    assert torch.equal(unit(x), x.abs())


def test_a_normalised_layer_has_units_of_mean_0_and_variance_1_before_its_activation():
    torch.manual_seed(0)
    layer = nn.Sequential(*HIDDEN_LAYERS["batch"](3, 5, nn.Identity()))
    out = layer(3 + 2 * torch.randn(512, 3))
    torch.testing.assert_close(out.mean(dim=0), torch.zeros(5), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.var(dim=0, correction=0), torch.ones(5), atol=1e-3, rtol=0)


def test_the_networks_of_pacgan_have_the_published_sizes_and_initial_weights():
    recipe = load_recipe("gan/mlp-pacgan")
    torch.manual_seed(0)
    family = build_family(recipe.family, recipe.settings, ImageShape(2, 1, pixels=False))
    generator, discriminator = (family.networks[n] for n in ("generator", "discriminator"))
    norms = 4 * 2 * 400
    assert count(generator) == 2 * 400 + 3 * 400**2 + norms + 400 * 2 + 2
    assert count(discriminator) == 3 * 1000 + 2 * (200 * 1000 + 1000) + 200 + 1
    linear = [m for m in family.networks.modules() if isinstance(m, nn.Linear)]
    weights = torch.cat([m.weight.flatten() for m in linear])
    assert abs(float(weights.detach().std()) - 0.02) < 1e-4
    assert all(not m.bias.any() for m in linear if m.bias is not None)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
