import numpy as np
import torch

from harness.data.generated import sprites
from harness.data.generated.shapes import COMBINATIONS, draw_shapes
from harness.data.generated.sprite_reading import read_sprite_factors

EVERY_13TH = np.stack(np.unravel_index(np.arange(0, COMBINATIONS, 13), sprites.VALUES), axis=1)
"""13 divides no number of values, so that each value of each factor is among them."""


def test_every_factor_of_an_image_is_read():
    for size in (32, 64):
        images = draw_shapes(EVERY_13TH[:: size // 32], size)
        assert torch.equal(read_sprite_factors(images.images), images.factors)


def test_a_little_noise_changes_no_reading():
    images = draw_shapes(EVERY_13TH[::5], 32)
    noise = 8 * torch.randn(images.images.shape, generator=torch.Generator().manual_seed(0))
    noisy = (images.images + noise).clamp(0, 255).round().byte()
    assert torch.equal(read_sprite_factors(noisy), images.factors)


def test_nearest_is_nearest_by_pixels():
    """Of strange images too: by all distances in float64."""
    every = draw_shapes(EVERY_13TH, 32)
    random = torch.Generator().manual_seed(0)
    strange = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8, generator=random)
    factors = read_sprite_factors(strange).numpy()
    chosen = draw_shapes(factors, 32).images
    distances = (strange.double() - chosen.double()).square().sum(dim=(1, 2, 3))
    to_all = (strange.double()[:, None] - every.images.double()).square().sum(dim=(2, 3, 4))
    assert bool((distances <= to_all.min(dim=1).values + 1e4).all())  # pixels there are rounded
