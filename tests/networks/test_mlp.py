import pytest
import torch
from torch import nn

from harness.networks.mlp import MLPDecoder, MLPDenoiser, MLPEncoder


def test_sizes_follow_depth_and_width():
    encoder = MLPEncoder(2, 1, width=5, out=3, activation=nn.ReLU(), depth=2)
    shapes = [tuple(p.shape) for p in encoder.parameters()]
    assert shapes == [(5, 2), (5,), (5, 5), (5,), (3, 5), (3,)]
    assert encoder(torch.zeros(7, 2, 1, 1)).shape == (7, 3)
    decoder = MLPDecoder(3, 2, 4, width=5, activation=nn.ReLU(), depth=1)
    assert decoder(torch.zeros(7, 3)).shape == (7, 2, 4, 4)


def test_without_a_hidden_layer_a_network_is_affine():
    decoder = MLPDecoder(3, 1, 2, width=5, activation=nn.ReLU(), depth=0)
    a, b = torch.randn(2, 1, 3)
    torch.testing.assert_close(decoder(a) + decoder(b), decoder(a + b) + decoder(0 * a))


@pytest.mark.parametrize("width", [8, 9])
def test_the_denoiser_sees_image_and_time(width: int):
    denoiser = MLPDenoiser(2, 1, width, depth=2)
    x, t = torch.randn(4, 2, 1, 1), torch.arange(4)
    assert denoiser(x, t).shape == x.shape
    assert not torch.allclose(denoiser(x, t), denoiser(x + 1, t))
    assert not torch.allclose(denoiser(x, t), denoiser(x, t + 5))
