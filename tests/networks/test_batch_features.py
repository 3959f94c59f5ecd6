"""What a discriminator learns about its batch, by hand on four samples."""

from __future__ import annotations

import math

import pytest
import torch

from harness.core.errors import BadInput
from harness.networks.batch_features import (
    BATCH_FEATURES,
    KERNEL_DIMENSIONS,
    KERNELS,
    MinibatchDiscrimination,
    MinibatchStddev,
    pack,
)


def test_the_standard_deviation_is_the_mean_over_features():
    """1, 3, 1, 3 deviates by 1 and 0, 0, 4, 4 by 2: 1.5 for each."""
    x = torch.tensor([[1.0, 0.0], [3.0, 0.0], [1.0, 4.0], [3.0, 4.0]])
    layer = MinibatchStddev(2)
    assert layer.features == 3
    torch.testing.assert_close(layer(x), torch.cat([x, torch.full((4, 1), 1.5)], dim=1))


def test_images_that_are_all_alike_have_gradients():
    x = torch.ones(4, 2, requires_grad=True)
    MinibatchStddev(2)(x).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_closeness_is_a_sum_over_the_batch():
    """With one projection that copies the only feature: Σ_j exp(−C·|x_i − x_j|), C copies of it."""
    layer = MinibatchDiscrimination(1)
    torch.nn.init.ones_(layer.project.weight)
    values = [0.0, 0.1, 0.3, 2.0]
    out = layer(torch.tensor(values)[:, None])
    assert out.shape == (4, 1 + KERNELS) == (4, layer.features)
    for row, a in zip(out.tolist(), values, strict=True):
        expected = sum(math.exp(-KERNEL_DIMENSIONS * abs(a - b)) for b in values)
        assert row == pytest.approx([a, *[expected] * KERNELS], rel=1e-6)


@pytest.mark.parametrize("name", BATCH_FEATURES)
def test_each_tells_a_batch_of_one_image_from_a_batch_of_many(name: str):
    torch.manual_seed(0)
    layer = BATCH_FEATURES[name](3)
    x = torch.randn(4, 3)
    same = x[:1].expand(4, -1)
    assert not torch.allclose(layer(x)[0], layer(same)[0])
    assert torch.equal(layer(x)[:, :3], x)


def test_packs_are_neighbours_behind_each_other():
    x = torch.arange(4 * 2 * 1 * 1).view(4, 2, 1, 1)
    assert pack(x, 2).flatten(1).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert pack(x, 4).flatten(1).tolist() == [list(range(8))]
    assert torch.equal(pack(x, 1), x)
    with pytest.raises(BadInput, match="4 images is not divisible into packs of 3"):
        pack(x, 3)
