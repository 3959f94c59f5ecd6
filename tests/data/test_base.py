"""Splits with more than images and labels."""

import pytest
import torch

from harness.data.base import Split


def split(**more):
    images = torch.arange(3 * 4, dtype=torch.uint8).reshape(3, 1, 2, 2)
    return Split(images, torch.tensor([0, 1, 0]), **more)


MORE = [
    {"factors": torch.tensor([[1, 2], [3, 4], [5, 6]])},
    {"texts": ("a", "b", "c")},
    {"masks": torch.eye(3, 4, dtype=torch.bool).reshape(3, 2, 2)},
    {"sources": torch.zeros(3, 1, 2, 2, dtype=torch.uint8)},
]


@pytest.mark.parametrize("more", MORE, ids=lambda more: next(iter(more)))
def test_all_that_is_known_is_kept_with_its_image(more):
    (name, value), *_ = more.items()
    kept = split(**more).keep(torch.tensor([False, True, True]))
    assert kept.labels.tolist() == [1, 0]
    found = getattr(kept, name)
    assert all(
        bool((a == b) if isinstance(b, str) else torch.equal(a, b))
        for a, b in zip(found, value[1:], strict=True)
    )


@pytest.mark.parametrize("more", MORE, ids=lambda more: next(iter(more)))
def test_all_that_is_known_counts_in_the_digest(more):
    assert split(**more).digest() != split().digest()


def test_a_known_digest_is_not_computed_again_and_does_not_outlive_a_selection():
    known = split(known_digest="abc")
    assert known.digest() == "abc"
    assert known.keep(torch.tensor([True, True, True])).digest() == split().digest()
