"""Diffusion models of videos."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families import build_family
from harness.families.base import ImageShape

VIDEOS = ImageShape(3 * 4, 16, frames=4)


def test_it_trains_on_videos_and_makes_them() -> None:
    settings = {"channels": 4, "sampling": {"steps": 2}}
    family: Any = build_family("video-diffusion", settings, VIDEOS)
    x = torch.rand(2, 12, 16, 16) * 2 - 1
    noise = family.noise(2, torch.Generator().manual_seed(0))
    losses = family.loss(family.networks, Batch(x, torch.zeros(2, dtype=torch.int64)), noise)
    assert losses["loss"].item() == pytest.approx(1, abs=0.1), "it starts at zero"
    family.networks.eval()
    assert family.sample(2, torch.Generator()).shape == (2, 12, 16, 16)


def test_images_are_no_videos() -> None:
    with pytest.raises(BadInput, match="its images are not videos; name such, as in moving:shapes"):
        build_family("video-diffusion", {}, ImageShape(1, 16))


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"network": "mlp", "depth": 1}, "videos go with the small U-Net"),
        ({"skips": False}, "videos go with the small U-Net"),
        ({"transformer": {}}, "videos go with the small U-Net"),
        ({"conditional": True}, "without conditional and texts"),
        ({"channels": 6}, "channels is 6: a multiple of 4"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        build_family("video-diffusion", settings, VIDEOS)
