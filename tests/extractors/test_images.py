import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from harness.core.errors import BadInput
from harness.extractors.images import imagenet_normalised, in_batches, on_device, resize_bicubic


def test_resize_is_pillows(random_images):
    images = random_images(2, 3, 30, 50)
    found = resize_bicubic(images, 24)
    for x, y in zip(images, found, strict=True):
        expected = Image.fromarray(x.permute(1, 2, 0).numpy()).resize((24, 24), Image.BICUBIC)
        assert np.array_equal(y.permute(1, 2, 0).numpy(), np.asarray(expected))


def test_resizing_to_the_same_size_changes_nothing(random_images):
    images = random_images(2, 3, 24, 24)
    assert torch.equal(resize_bicubic(images, 24), images)


def test_imagenet_normalised():
    images = torch.tensor([124, 116, 104], dtype=torch.uint8).view(1, 3, 1, 1)
    found = imagenet_normalised(images).flatten()
    expected = [
        (124 / 255 - 0.485) / 0.229,
        (116 / 255 - 0.456) / 0.224,
        (104 / 255 - 0.406) / 0.225,
    ]
    assert found.numpy() == pytest.approx(np.array(expected), abs=1e-6)


@given(
    n=st.integers(1, 20), side=st.integers(1, 6), size=st.integers(1, 30), pixels=st.integers(1, 90)
)
def test_batches_are_bounded_and_nothing_is_lost(n: int, side: int, size: int, pixels: int):
    images = torch.arange(n).remainder(256).byte().view(n, 1, 1, 1).expand(n, 1, side, side)
    batches: list[int] = []

    def function(x: torch.Tensor) -> torch.Tensor:
        batches.append(len(x))
        return x[:, 0, 0, 0]

    found = in_batches(function, size, "cpu", images, pixels=pixels)
    assert found.tolist() == list(range(n))
    assert max(batches) <= size
    assert max(batches) == 1 or max(batches) * side**2 <= pixels


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(2, 3, 4, 4),
        torch.zeros(3, 4, 4, dtype=torch.uint8),
        torch.zeros(0, 3, 4, 4, dtype=torch.uint8),
        torch.zeros(2, 3, 0, 4, dtype=torch.uint8),
    ],
)
def test_only_uint8_images(images):
    with pytest.raises(BadInput, match="uint8 N×C×H×W are needed"):
        in_batches(lambda x: x, 4, "cpu", images)


def test_weights_lie_channels_last_on_a_cpu():
    layer = on_device(nn.Conv2d(3, 4, 3), "cpu")
    assert layer.weight.is_contiguous(memory_format=torch.channels_last)
    assert not layer.weight.requires_grad
    assert not layer.training
