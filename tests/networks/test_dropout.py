"""Dropout by masks that come as noise."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from harness.networks.dropout import Dropout, draw_masks, use_masks


def network() -> nn.Sequential:
    return nn.Sequential(Dropout(0.25, (40,)), nn.Linear(40, 30), Dropout(0.5, (30,)))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_units_are_dropped_as_the_masks_say_and_the_others_scaled() -> None:
    layer, x = Dropout(0.25, (3, 1, 1)), torch.rand(2, 3, 4, 4)
    mask = torch.tensor([[1, 0, 1], [0, 1, 1]], dtype=torch.bool)[:, :, None, None]
    use_masks(layer, {"dropout/0": mask})
    assert torch.equal(layer(x), x * mask / 0.75)


def test_a_share_of_the_units_is_dropped_and_the_mean_stays() -> None:
    net = network()
    masks = draw_masks(net, 5000, seeded())
    assert {name: mask.shape for name, mask in masks.items()} == {
        "dropout/0": (5000, 40),
        "dropout/1": (5000, 30),
    }
    for mask, kept in zip(masks.values(), (0.75, 0.5), strict=True):
        # Six standard errors of a share over at least 150,000 draws.
        assert abs(float(mask.double().mean()) - kept) < 6 * 0.5 / 150_000**0.5
    use_masks(net, masks)
    assert float(net[0](torch.ones(5000, 40)).mean()) == pytest.approx(1, abs=0.01)


def test_masks_come_from_the_generator_alone() -> None:
    net, before = network(), torch.random.get_rng_state()
    first, again, other = (draw_masks(net, 8, seeded(seed)) for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["dropout/0"], other["dropout/0"])
    use_masks(net, first)
    x = torch.rand(8, 40, generator=seeded(2))
    outputs = [net(x) for _ in range(2)]
    assert torch.equal(*outputs)
    use_masks(net, other)
    assert not torch.equal(outputs[0], net(x))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_in_evaluation_nothing_is_dropped_and_no_mask_is_needed() -> None:
    net, x = network().eval(), torch.rand(8, 40)
    assert torch.equal(net(x), net[1](x))


def test_training_without_masks_is_an_error_and_not_silent() -> None:
    with pytest.raises(ValueError, match="use_masks"):
        network()(torch.rand(8, 40))
    with pytest.raises(KeyError):
        use_masks(network(), {})


def test_a_compiled_function_uses_each_calls_masks() -> None:
    net, x = network(), torch.rand(8, 40)

    def loss(noise: dict[str, torch.Tensor]) -> torch.Tensor:
        use_masks(net, noise)
        return net(x).square().mean()

    compiled = torch.compile(loss, fullgraph=True, backend="eager")
    for seed in range(3):
        noise = draw_masks(net, 8, seeded(seed))
        torch.testing.assert_close(compiled(noise), loss(noise))


def test_masks_are_no_part_of_the_state() -> None:
    net = network()
    use_masks(net, draw_masks(net, 8, seeded()))
    assert set(net.state_dict()) == {"1.weight", "1.bias"}
