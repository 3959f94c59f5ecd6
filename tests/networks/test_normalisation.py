"""Spectral normalisation against singular values, and what moves none of a network's buffers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.networks.normalisation import (
    NORMS,
    iterate_spectrally,
    normalise_spectrally,
    statistics_kept,
)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = (
        nn.Conv2d(3, 8, 4, 2, 1), nn.LeakyReLU(0.2), nn.ConvTranspose2d(8, 5, 4, 2, 1), nn.Tanh(),
        nn.Flatten(), nn.Linear(5 * 64, 1),
    )  # fmt: skip
    return nn.Sequential(*layers)


def matrices(net: nn.Module) -> list[torch.Tensor]:
    """Each weight as it is used, output channels against all else."""
    conv, transposed, linear = (m for m in net if hasattr(m, "parametrizations"))
    return [
        conv.weight.flatten(1), transposed.weight.transpose(0, 1).flatten(1), linear.weight
    ]  # fmt: skip


def test_after_training_steps_the_largest_singular_value_is_one():
    net = normalise_spectrally(network())
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    first = [m.parametrizations.weight.original.clone() for m in net if hasattr(m, "weight")]
    for _ in range(30):
        optimizer.zero_grad()
        (net(torch.randn(8, 3, 8, 8)) - 1).square().mean().backward()
        optimizer.step()
        iterate_spectrally(net)
    weights = [m.parametrizations.weight.original for m in net if hasattr(m, "weight")]
    assert all((w - w0).abs().max() > 0.01 for w, w0 in zip(weights, first, strict=True))
    for matrix in matrices(net):
        largest = torch.linalg.svdvals(matrix.detach())[0].item()
        assert largest == pytest.approx(1, rel=0.01)


def test_the_gradient_passes_through_the_singular_value():
    """∂/∂W of f(W/σ) with σ = uᵀWv: (G − ⟨G, W/σ⟩·uvᵀ) / σ (equation 12 of the paper)."""
    layer = nn.Linear(4, 3, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.diag(torch.tensor([5.0, 2.0, 1.0]))[:, [0, 1, 2, 2]])
    normalise_spectrally(layer)
    for _ in range(200):
        iterate_spectrally(layer)
    upstream = torch.arange(12.0).view(3, 4).double()
    (layer.weight * upstream).sum().backward()
    original = layer.parametrizations.weight.original
    u, s, v = torch.linalg.svd(original.detach())
    along = (upstream * original.detach() / s[0]).sum() * torch.outer(u[:, 0], v[0])
    torch.testing.assert_close(original.grad, (upstream - along) / s[0], rtol=1e-8, atol=1e-8)


def test_using_the_network_moves_nothing_of_it():
    net = normalise_spectrally(network()).train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    for _ in range(3):
        net(torch.randn(4, 3, 8, 8)).sum().backward()
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    with torch.no_grad():
        net[0].parametrizations.weight.original[0] *= 2
    iterate_spectrally(net)
    moved = {
        name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])
    }
    assert {"0.parametrizations.weight.0.u", "0.parametrizations.weight.0.v"} <= moved


def test_running_moments_stay_while_they_are_kept():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    x = torch.randn(5, 1, 6, 6) + 3
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with statistics_kept(net):
        kept = net(x)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert torch.equal(net(x), kept)
    assert net[1].num_batches_tracked == 1


@pytest.mark.parametrize("name", [name for name, norm in NORMS.items() if norm])
def test_layers_normalise_over_what_their_name_says(name: str):
    x = torch.randn(6, 4, 5, 5, generator=torch.Generator().manual_seed(0)) * 3 + 2
    over = {"batch": (0, 2, 3), "layer": (1, 2, 3), "instance": (2, 3)}[name]
    norm = NORMS[name]
    assert norm is not None
    y = norm(4)(x)
    torch.testing.assert_close(y.mean(over), torch.zeros_like(y.mean(over)), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        y.var(over, correction=0), torch.ones_like(y.mean(over)), atol=1e-4, rtol=0
    )
