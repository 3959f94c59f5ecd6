import numpy as np
import pytest
import torch

from harness.core.errors import BadInput
from harness.data.generated import polygons as known
from harness.metrics.polygons import (
    ON_MANIFOLD,
    REACHED,
    nearest_polygons,
    polygon_precision,
    polygon_recall,
)


def drawn(count: int, corners: int = 3, seed: int = 7) -> tuple[np.ndarray, torch.Tensor]:
    angles = known.draw_angles(np.random.RandomState(seed), count, corners)
    return angles, torch.from_numpy(known.render_polygons(angles))[:, None]


def rms(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return ((a.double() - b.double()) / 255).flatten(1).square().mean(dim=1).sqrt()


@pytest.mark.parametrize("corners", [3, 4])
def test_every_polygon_is_found(corners: int):
    _, images = drawn(200, corners)
    found = nearest_polygons(images, corners)
    assert found.distances.max() < ON_MANIFOLD / 3
    assert polygon_precision(images, corners).value == 1


def test_what_is_found_is_a_polygon_at_that_distance():
    _, images = drawn(40)
    draws = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 120, images.shape, generator=draws, dtype=torch.uint8)
    disturbed = torch.where(images > 120, images - noise, images + noise)
    found = nearest_polygons(disturbed, 3)
    assert known.are_polygons(found.angles).all()
    again = torch.from_numpy(known.render_polygons(found.angles))[:, None]
    assert torch.allclose(found.distances, rms(again, disturbed))
    # The polygon under the noise is one of those that it may be nearest to.
    assert (found.distances <= rms(images, disturbed) + 0.002).all()


def test_the_search_is_as_good_as_trying_all():
    """On a set small enough for it: triangles of steps of 5° about a regular one."""
    steps = np.arange(-200, 201, 50)
    corners = np.meshgrid(steps, 1200 + steps, 2400 + steps, indexing="ij")
    angles = np.stack(corners, axis=-1).reshape(-1, 3)
    drawn = np.concatenate([known.render_polygons(part) for part in np.array_split(angles, 10)])
    every = torch.from_numpy(drawn).flatten(1).float() / 255
    blurred = every[::60].view(-1, 1, 28, 28)
    blurred = (torch.nn.functional.avg_pool2d(blurred, 3, 1, 1) * 255).round().to(torch.uint8)
    best = torch.cdist(blurred.flatten(1).float() / 255, every).min(dim=1).values / 28
    assert (nearest_polygons(blurred, 3).distances <= best + 0.002).all()


def test_shares_of_right_and_wrong_samples():
    _, right = drawn(30)
    wrong = 255 - right  # light on dark
    _, other = drawn(30, corners=6)
    mixed = torch.cat([right, wrong, other])
    estimate = polygon_precision(mixed, 3)
    assert estimate.value == pytest.approx(1 / 3)
    assert estimate.stderr == pytest.approx((1 / 3 * 2 / 3 / 90) ** 0.5)


def test_recall_counts_what_a_sample_is_near_to():
    angles, images = drawn(50)
    moved = torch.from_numpy(known.render_polygons(angles + 20))[:, None]  # turned by 2°
    assert (rms(images, moved) < REACHED).all()
    assert polygon_recall(images, moved).value == 1
    half = polygon_recall(images, images[:25])
    exact = torch.stack([rms(images, one[None].expand_as(images)) for one in images[:25]])
    assert half.value == (exact.min(dim=0).values <= REACHED).double().mean()
    assert 0.5 <= half.value < 1
    white = torch.full((5, 1, 28, 28), 255, dtype=torch.uint8)
    assert polygon_recall(images, white).value == 0


def test_other_images_are_refused():
    with pytest.raises(BadInput, match="polygons are 1×28×28"):
        nearest_polygons(torch.zeros(2, 3, 28, 28, dtype=torch.uint8), 3)
    with pytest.raises(BadInput, match="uint8"):
        polygon_precision(torch.zeros(2, 1, 28, 28), 3)
    right, small = (torch.zeros(2, 1, side, side, dtype=torch.uint8) for side in (28, 16))
    with pytest.raises(BadInput, match="differ: 784 and 256 pixels"):
        polygon_recall(small, right)
