"""Videos as images and back."""

from __future__ import annotations

import torch

from harness.data import load_dataset
from harness.data.frames import as_images, as_videos, unfold
from harness.families.base import ImageShape
from harness.plan.building import shape_of


def test_videos_have_a_dimension_of_frames() -> None:
    images = torch.arange(2 * 6 * 4).reshape(2, 6, 2, 2)
    videos = as_videos(images, 3)
    assert videos.shape == (2, 3, 2, 2, 2)
    assert torch.equal(videos[1, 2], images[1, 4:])
    assert torch.equal(as_images(videos), images)
    assert torch.equal(videos.flatten(0, 1), unfold(images, 3))


def test_a_model_is_told_whether_it_makes_videos() -> None:
    shape = shape_of(load_dataset("moving:digits[frames=4,train=16,test=8]"))
    assert shape.is_video
    assert shape.frames == 4
    assert shape.channels % 4 == 0
    assert not ImageShape(4, 8).is_video
