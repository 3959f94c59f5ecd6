"""Videos as images: the channels of a video are those of its frames, one after the other."""

from __future__ import annotations

import torch


def as_videos(images: torch.Tensor, frames: int) -> torch.Tensor:
    """Videos with a dimension of frames: N×(T·C)×H×W → N×T×C×H×W, without a copy."""
    count, channels = images.shape[:2]
    return images.reshape(count, frames, channels // frames, *images.shape[2:])


def as_images(videos: torch.Tensor) -> torch.Tensor:
    """The inverse of `as_videos`: N×T×C×H×W → N×(T·C)×H×W."""
    return videos.flatten(1, 2)


def unfold(videos: torch.Tensor, frames: int) -> torch.Tensor:
    """Each frame as an image of its own, in order: N×(T·C)×H×W → (N·T)×C×H×W, without a copy."""
    if frames == 1:
        return videos
    count, channels = videos.shape[:2]
    return videos.reshape(count * frames, channels // frames, *videos.shape[2:])
