"""How a discriminator takes the class, where the best one is known."""

from __future__ import annotations

import torch
from torch import nn

from harness.networks.conditioning import CONDITIONINGS, beside_planes, projected_output
from harness.objectives.adversarial import ADVERSARIAL_LOSSES


def test_a_projection_discriminator_finds_the_log_odds_of_two_gaussians():
    """Of class ±: real images from N(±1, 1), made ones from N(0, 1). Their log odds, ±x − ½, are
    of the discriminator's form with the feature x, and where it has them its loss is least.
    """
    x = torch.linspace(-9, 9, 2001).double()
    density = torch.distributions.Normal(0.0, 1.0)
    net = nn.Linear(1, 3).double()
    with torch.no_grad():  # ψ(x) = −½, and ±x for the two classes
        net.weight.copy_(torch.tensor([[0.0], [-1.0], [1.0]]))
        net.bias.copy_(torch.tensor([-0.5, 0.0, 0.0]))
    loss = ADVERSARIAL_LOSSES["non-saturating"].discriminator
    total = torch.zeros(()).double()
    for label, mean in ((0, -1.0), (1, 1.0)):
        output = projected_output(net(x[:, None]), torch.full((len(x),), label))[:, 0]
        real, made = density.log_prob(x - mean), density.log_prob(x)
        torch.testing.assert_close(output.detach(), (real - made), rtol=1e-9, atol=1e-9)
        for weight, sides in ((real.exp(), (1, 0)), (made.exp(), (0, 1))):
            values = torch.stack([
                loss(o[None] if sides[0] else o.new_full((1,), 80.0),
                     o[None] if sides[1] else o.new_full((1,), -80.0)) for o in output
            ])  # fmt: skip
            total = total + (weight * values).sum() * (x[1] - x[0])
    slopes = torch.autograd.grad(total, list(net.parameters()))
    assert max(slope.abs().max().item() for slope in slopes) < 1e-6


def test_a_class_beside_the_image_is_a_plane_of_ones():
    x = torch.full((2, 1, 2, 2), 0.5)
    out = beside_planes(x, torch.tensor([2, 0]), classes=3)
    assert out.shape == (2, 4, 2, 2)
    assert out[:, :, 0, 0].tolist() == [[0.5, 0, 0, 1], [0.5, 1, 0, 0]]
    assert torch.equal(out, out[:, :, :1, :1].expand(-1, -1, 2, 2))


def test_networks_have_the_channels_and_outputs_that_their_conditioning_needs():
    sizes = {name: (c.channels(10), c.outputs(10)) for name, c in CONDITIONINGS.items()}
    assert sizes == {"projection": (0, 11), "concatenation": (10, 1), "classifier": (0, 11)}
    assert all((c.channels(0), c.outputs(0)) == (0, 1) for c in CONDITIONINGS.values())
