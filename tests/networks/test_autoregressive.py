"""The gated PixelCNN is strictly causal and a probability distribution."""

from __future__ import annotations

import itertools

import pytest
import torch

from harness.networks.autoregressive import GatedPixelCNN


def network(values: int = 2, condition: int = 0, kernel: int = 3, layers: int = 3) -> GatedPixelCNN:
    torch.manual_seed(0)
    return GatedPixelCNN(values, 6, layers, condition=condition, kernel=kernel).double()


@pytest.mark.parametrize(("kernel", "layers"), [(3, 1), (3, 4), (5, 2)])
def test_the_jacobian_is_strictly_causal(kernel: int, layers: int) -> None:
    net, side = network(kernel=kernel, layers=layers), 4
    x = torch.randn(1, 6, side, side, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(net.from_embedded, x)
    # output place × input place, in the order in which symbols are read
    reached = jacobian.abs().sum(dim=(0, 1, 4, 5)).flatten(0, 1).flatten(1) > 0
    after = torch.ones(side**2, side**2, dtype=torch.bool).triu()
    assert not (reached & after).any()


def test_deep_enough_every_place_sees_all_before_it() -> None:
    net, side = network(layers=6), 4
    x = torch.randn(1, 6, side, side, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(net.from_embedded, x)
    reached = jacobian.abs().sum(dim=(0, 1, 4, 5)).flatten(0, 1).flatten(1) > 0
    assert torch.equal(reached, torch.ones(side**2, side**2, dtype=torch.bool).tril(-1))


@pytest.mark.parametrize("condition", [0, 2])
def test_the_probabilities_of_all_binary_images_sum_to_one(condition: int) -> None:
    net = network(condition=condition)
    every = torch.tensor(list(itertools.product((0, 1), repeat=9))).view(512, 3, 3)
    code = torch.randn(1, 2, dtype=torch.float64).expand(512, 2) if condition else None
    total = net.log_likelihood(every, code).exp().sum()
    torch.testing.assert_close(total, torch.ones((), dtype=torch.float64))


def test_samples_are_as_frequent_as_likely() -> None:
    net = network(values=3)
    uniforms = torch.rand(20_000, 1, 2, generator=torch.Generator().manual_seed(0)).double()
    drawn = net.sample(uniforms)
    for pair in itertools.product(range(3), repeat=2):
        symbols = torch.tensor(pair).view(1, 1, 2)
        likely = float(net.log_likelihood(symbols).detach().exp())
        share = float((drawn == symbols).flatten(1).all(dim=1).double().mean())
        assert share == pytest.approx(likely, abs=5 * (likely / 20_000) ** 0.5)


def test_a_condition_changes_the_logits_and_the_likeliest_symbols_follow_the_logits() -> None:
    net = network(condition=2)
    code = torch.tensor([[3.0, -1.0], [-3.0, 2.0]], dtype=torch.float64)
    symbols = net.most_likely((2, 3, 3), code)
    logits = net(symbols, code)
    assert torch.equal(logits.argmax(dim=1), symbols)
    assert not torch.allclose(logits[0], net(symbols, code.flip(0))[0])
