"""Figures that are read off frames of moving shapes."""

from __future__ import annotations

import numpy as np
import torch

from harness.data import load_dataset
from harness.data.frames import unfold
from harness.data.generated.moving import SPRITES
from harness.data.generated.moving_reading import VALUES, read_moving_sprites


def test_every_figure_is_read_at_every_border_and_under_noise(tmp_path) -> None:
    tiles, _ = SPRITES.load(tmp_path)
    frames = torch.zeros(len(tiles), 3, 24, 24, dtype=torch.uint8)
    for number, (frame, tile) in enumerate(zip(frames, tiles.images, strict=True)):
        x, y = number % 9, number // 9 % 9
        frame[:, y : y + 16, x : x + 16] = tile
    figures = torch.from_numpy(np.indices(VALUES).reshape(3, -1).T.copy())
    assert torch.equal(read_moving_sprites(frames), figures)
    noise = 20 * torch.randn(frames.shape, generator=torch.Generator().manual_seed(0))
    noisy = (frames + noise).clamp(0, 255).to(torch.uint8)
    assert torch.equal(read_moving_sprites(noisy), figures)


def test_a_video_shows_one_figure_whose_shape_is_its_label() -> None:
    dataset = load_dataset("moving:shapes[train=20,test=30,frames=3]")
    figures = read_moving_sprites(unfold(dataset.test.images, 3)).view(30, 3, 3)
    assert (figures == figures[:, :1]).all()
    assert torch.equal(figures[:, 0, 0], dataset.test.labels)
