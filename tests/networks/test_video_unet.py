"""What a frame of a video sees of the others."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from harness.networks.video_unet import TemporalAttention, VideoUNet

FRAMES = 4


def network(temporal: bool) -> VideoUNet:
    """A network whose parts that start at zero do not."""
    torch.manual_seed(0)
    made = VideoUNet(FRAMES, 8, 4, FRAMES, temporal=temporal)
    for parameter in made.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    return made.eval()


def changed_frames(temporal: bool, frame: int) -> list[bool]:
    """Which frames of the output differ where one frame of the input does."""
    made, t = network(temporal), torch.tensor([3, 500])
    x = torch.randn(2, FRAMES, 8, 8, generator=torch.Generator().manual_seed(1))
    other = x.clone()
    other[:, frame] += 1
    with torch.no_grad():
        difference: Tensor = (made(x, t) - made(other, t)).abs().amax(dim=(0, 2, 3))
    return (difference > 1e-6).tolist()


@pytest.mark.parametrize("frame", range(FRAMES))
def test_a_frame_is_seen_by_itself_and_later_ones(frame: int) -> None:
    assert changed_frames(True, frame) == [k >= frame for k in range(FRAMES)]


@pytest.mark.parametrize("frame", range(FRAMES))
def test_without_temporal_layers_no_frame_sees_another(frame: int) -> None:
    assert changed_frames(False, frame) == [k == frame for k in range(FRAMES)]


def test_places_see_their_own_place_alone_and_frames_have_their_order() -> None:
    torch.manual_seed(0)
    layer = TemporalAttention(4, FRAMES)
    x = torch.randn(2 * FRAMES, 4, 2, 3)
    assert torch.equal(layer(x), x), "it starts as the identity"
    torch.nn.init.normal_(layer.attention.out.weight)
    layer.norm = torch.nn.Identity()  # which is of a whole frame
    moved = x.clone()
    moved[0, :, 1, 2] += 1
    changed = (layer(moved) - layer(x)).abs().amax(dim=1) > 1e-6
    assert changed[:FRAMES, 1, 2].all(), "its own frame, and all later ones of the video"
    changed[:FRAMES, 1, 2] = False
    assert not changed.any()
    swapped = x.view(2, FRAMES, 4, 2, 3)[:, [1, 0, 2, 3]].reshape(x.shape)
    last = [layer(videos)[FRAMES - 1] for videos in (x, swapped)]
    assert not torch.allclose(*last)


def test_a_video_of_one_channel_a_frame_is_each_frame_through_the_same_network() -> None:
    made, x = network(False), torch.randn(3, FRAMES, 8, 8)
    t = torch.tensor([1, 2, 3])
    with torch.no_grad():
        whole = made(x, t)
        alone = torch.cat([made.network(x[:, k : k + 1], t) for k in range(FRAMES)], dim=1)
    torch.testing.assert_close(whole, alone)
