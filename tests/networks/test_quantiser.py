"""Quantisation: gradients, moving averages in closed form, dead entries."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from harness.networks.quantiser import (
    Quantiser,
    codebook_loss,
    commitment_loss,
    perplexity,
    usage_shares,
)


def quantiser(averaged: bool = False, entries: int = 6) -> Quantiser:
    torch.manual_seed(0)
    return Quantiser(entries, 3, averaged=averaged).double()


def vectors(n: int = 5, seed: int = 1) -> Tensor:
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(n, 3, 2, 2, dtype=torch.float64, generator=draws)


def test_each_vector_becomes_its_nearest_entry() -> None:
    net, z = quantiser(), vectors()
    out = net(z)
    flat = z.movedim(1, -1).reshape(-1, 3)
    nearest = torch.cdist(flat, net.codebook).argmin(dim=1)
    assert torch.equal(out.symbols.flatten(), nearest)
    expected = net.codebook[nearest].view(5, 2, 2, 3).movedim(-1, 1)
    torch.testing.assert_close(out.entries, expected)
    torch.testing.assert_close(out.straight, expected)


def test_the_gradient_passes_straight_through() -> None:
    net, z = quantiser(), vectors().requires_grad_()
    out = net(z)
    out.straight.retain_grad()
    (out.straight.sin() * torch.arange(5)[:, None, None, None]).sum().backward()
    assert torch.equal(z.grad, out.straight.grad)
    assert net.codebook.grad is None


def test_the_two_losses_move_one_side_each() -> None:
    net, z = quantiser(), vectors().requires_grad_()
    out = net(z)
    slopes = torch.autograd.grad(
        codebook_loss(z, out.entries), [z, net.codebook], allow_unused=True
    )
    assert slopes[0] is None
    assert slopes[1].abs().max() > 0
    slopes = torch.autograd.grad(
        commitment_loss(z, net(z).entries), [z, net.codebook], allow_unused=True
    )
    assert slopes[0].abs().max() > 0
    assert slopes[1] is None


def test_without_memory_entries_are_the_means_of_their_clusters() -> None:
    net, z = quantiser(averaged=True), vectors(40)
    assigned = net.nearest(z).flatten()
    assert assigned.unique().numel() == 6
    flat = z.movedim(1, -1).reshape(-1, 3)
    means = torch.stack([flat[assigned == entry].mean(dim=0) for entry in range(6)])
    net.follow(z, torch.zeros(6, dtype=torch.int64), decay=0.0)
    torch.testing.assert_close(net.codebook, means)


def test_moving_averages_are_those_of_the_paper() -> None:
    net, decay = quantiser(averaged=True), 0.9
    counts, sums = net.counts.clone(), net.sums.clone()
    for seed in range(3):
        z = vectors(40, seed)
        assigned, flat = net.nearest(z).flatten(), z.movedim(1, -1).reshape(-1, 3)
        for entry in range(6):
            own = flat[assigned == entry]
            counts[entry] = decay * counts[entry] + (1 - decay) * len(own)
            sums[entry] = decay * sums[entry] + (1 - decay) * own.sum(dim=0)
        net.follow(z, torch.zeros(6, dtype=torch.int64), decay)
        torch.testing.assert_close(net.codebook, sums / counts[:, None])


def test_moving_averages_are_those_of_vector_quantize_pytorch() -> None:
    """What vector-quantize-pytorch 1.32.0 makes of the same codebook and vectors, with the decay
    0.9, without dead entries and with its smoothing of counts set to 1e-9.
    """
    net = Quantiser(4, 2, averaged=True).double()
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    net.codebook.copy_(corners)
    net.sums.copy_(corners)
    for step in range(3):
        k = torch.arange(16, dtype=torch.float64) + 16 * step
        z = torch.stack([(0.37 * k).sin().square(), (0.61 * k).cos().square()])
        net.follow(z.view(1, 2, 4, 4), torch.zeros(4, dtype=torch.int64), decay=0.9)
    expected = [
        [0.10367825724, 0.10328847666],
        [0.90590235005, 0.10635554797],
        [0.12905828235, 0.89261546850],
        [0.90758855476, 0.88753015036],
    ]
    torch.testing.assert_close(net.codebook, torch.tensor(expected).double(), rtol=0, atol=1e-5)
    assert net.counts.tolist() == pytest.approx([1.813, 1.713, 1.913, 1.813])


def test_a_dead_entry_takes_the_place_of_the_vector_that_was_picked() -> None:
    net, z = quantiser(averaged=True), vectors()
    with torch.no_grad():
        net.codebook[2] = 100.0
        net.counts[2] = 0.005
    picks = torch.tensor([0, 1, 7, 3, 4, 5])
    net.follow(z, picks, decay=0.99)
    torch.testing.assert_close(net.codebook[2], z.movedim(1, -1).reshape(-1, 3)[7])
    assert float(net.counts[2]) == 1


def test_no_gradient_reaches_an_averaged_codebook_and_it_is_part_of_the_state() -> None:
    net, z = quantiser(averaged=True), vectors().requires_grad_()
    assert not list(net.parameters())
    assert set(net.state_dict()) == {"codebook", "counts", "sums"}
    net(z).straight.sum().backward()
    assert net.codebook.grad is None


def test_perplexity_counts_the_entries_in_use() -> None:
    assert float(perplexity(torch.tensor([[3, 3], [3, 3]]), 8)) == pytest.approx(1)
    assert float(perplexity(torch.arange(8).view(2, 2, 2), 8)) == pytest.approx(8)
    assert float(perplexity(torch.tensor([0, 0, 1, 1]), 8)) == pytest.approx(2)
    assert usage_shares(torch.tensor([0, 0, 2]), 3).tolist() == pytest.approx([2 / 3, 0, 1 / 3])
