import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import binom, kstest
from torch.nn.functional import interpolate

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.metrics import psnr
from harness.safety import watermark
from harness.safety.watermark import embed_watermark, watermark_p_values

LIMIT = 1e-4


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return load_dataset("shapes[size=64,train=20,test=30]").test.images


@pytest.fixture(scope="module")
def marked(images) -> torch.Tensor:
    return embed_watermark(images, "secret")


def share(images: torch.Tensor, size: tuple[int, int] | None = None) -> float:
    return float((watermark_p_values(images, "secret", size) <= LIMIT).mean())


def jpeg(images: torch.Tensor, quality: int) -> torch.Tensor:
    decoded = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=quality)
        decoded.append(torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1))
    return torch.stack(decoded)


def resized(images: torch.Tensor, size: int) -> torch.Tensor:
    bicubic = interpolate(images.float(), size=(size, size), mode="bicubic", antialias=True)
    return bicubic.clamp(0, 255).round().byte()


def test_the_mark_is_there_and_hardly_changes_the_image(images, marked):
    assert share(marked) == 1
    assert float(psnr(marked, images).min()) > 36
    assert share(images) == 0
    assert float((watermark_p_values(marked, "another") <= LIMIT).mean()) == 0


def test_it_survives_jpeg_crops_and_resizing(marked):
    assert share(jpeg(marked, 75)) == 1
    assert share(jpeg(marked, 50)) > 0.9
    assert share(marked[:10, :, 5:55, 9:61], (64, 64)) == 1
    assert share(resized(marked, 48), (64, 64)) == 1
    assert share(resized(marked, 32), (64, 64)) > 0.9
    assert share(resized(marked, 128), (64, 64)) == 1


def test_without_the_mark_hits_are_binomial_over_keys(images):
    """Whatever the image: a black one, noise, one that bears another key's mark."""
    random = torch.Generator().manual_seed(0)
    for image in (
        torch.zeros(1, 1, 16, 16, dtype=torch.uint8),
        torch.randint(0, 256, (1, 3, 16, 16), generator=random, dtype=torch.uint8),
        embed_watermark(images[:1, :, 24:40, 24:40], "another"),
    ):
        p_values = np.array([watermark_p_values(image, f"key {i}")[0] for i in range(400)])
        count = 4 * watermark.DIRECTIONS
        levels = binom.sf(np.arange(count + 1) - 1, count, 0.5)
        # A discrete p-value plus a uniform share of its step is uniform.
        steps = np.append(levels, 0)
        place = np.abs(p_values[:, None] - levels).argmin(axis=1)
        spread = p_values - np.random.default_rng(0).uniform(size=400) * (
            levels[place] - steps[place + 1]
        )
        assert kstest(spread, "uniform").pvalue > 1e-3


def test_a_search_over_crops_pays_for_its_trials():
    image = torch.zeros(1, 1, 22, 22, dtype=torch.uint8)
    p_values = [watermark_p_values(image, f"key {i}", (24, 24))[0] for i in range(200)]
    for level in (0.05, 0.2):
        assert np.mean(np.array(p_values) <= level) < level + 3 * (level / 200) ** 0.5


def test_the_rest_of_an_image_stays_and_the_directions_are_orthonormal():
    image = torch.full((1, 3, 19, 13), 100, dtype=torch.uint8)
    marked = embed_watermark(image, "secret")
    assert torch.equal(marked[:, :, 16:], image[:, :, 16:])
    assert torch.equal(marked[:, :, :, 8:], image[:, :, :, 8:])
    directions = watermark._secrets("secret", 16, 8).directions.flatten(3)
    products = directions @ directions.transpose(2, 3)
    assert torch.allclose(products, torch.eye(6, dtype=torch.float64).expand_as(products))


def test_bad_input():
    image = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    with pytest.raises(BadInput, match="key of a watermark must not be empty"):
        embed_watermark(image, "")
    with pytest.raises(BadInput, match="at least 8×8 pixels, not 7×8"):
        embed_watermark(image[:, :, 1:], "secret")
