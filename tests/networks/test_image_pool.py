"""The pool of made images: what it gives back, and how often."""

import pytest
import torch

from harness.networks.image_pool import ImagePool


def images(start: int, n: int) -> torch.Tensor:
    return torch.arange(start, start + n).float().view(n, 1, 1, 1)


def test_until_it_is_full_it_gives_back_what_is_made():
    pool = ImagePool(3, 1, 1)
    assert torch.equal(pool.exchange(images(1, 3), torch.full((3, 2), 0.9)), images(1, 3))
    assert torch.equal(pool.images, images(1, 3))


def test_an_image_is_shown_or_changes_places_as_the_draws_say():
    pool = ImagePool(2, 1, 1)
    pool.exchange(images(1, 2), torch.zeros(2, 2))
    draws = torch.tensor([[0.49, 0.0], [0.5, 0.0], [0.9, 0.99]])
    assert pool.exchange(images(3, 3), draws).flatten().tolist() == [3, 1, 2]
    assert pool.images.flatten().tolist() == [4, 5]


def test_half_are_shown_at_once_and_the_others_wait_a_geometric_time():
    """A waiting image leaves a pool of 5 at each later image with probability 1/2 · 1/5: 10 images
    on average.
    """
    pool, n = ImagePool(5, 1, 1), 20_000
    draws = torch.rand(n, 2, generator=torch.Generator().manual_seed(0))
    shown = pool.exchange(images(0, n), draws).flatten()
    waits = torch.arange(n) - shown
    at_once = (waits[5:] == 0).float().mean().item()
    assert at_once == pytest.approx(0.5, abs=0.02)
    late = waits[(waits > 0) & (shown >= 5)]
    assert late.mean().item() == pytest.approx(10, rel=0.05)
    assert (late == 1).float().mean().item() == pytest.approx(0.1, abs=0.01)
    assert len(set(shown.tolist())) > 0.99 * len(shown)


def test_its_state_is_part_of_what_is_saved():
    pool, again = ImagePool(2, 1, 1), ImagePool(2, 1, 1)
    pool.exchange(images(1, 2), torch.zeros(2, 2))
    again.load_state_dict(pool.state_dict())
    draws = torch.tensor([[0.9, 0.6]])
    assert torch.equal(again.exchange(images(9, 1), draws), images(2, 1))
