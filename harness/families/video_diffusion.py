"""Diffusion models of videos (Ho et al. 2022, arXiv:2204.03458): all frames at once."""

from __future__ import annotations

from typing import Self

from pydantic import PositiveInt, model_validator
from torch import nn

from harness.core.errors import BadInput
from harness.families.diffusion import Diffusion, DiffusionSettings
from harness.networks.video_unet import VideoUNet


class VideoDiffusionSettings(DiffusionSettings):
    """A diffusion model's, of a U-Net of `channels` at full resolution. With `temporal`, frames see
    earlier ones; without it each frame is made by itself.
    """

    channels: PositiveInt = 16
    temporal: bool = True

    @model_validator(mode="after")
    def _frames_are_images(self) -> Self:
        if self.network == "mlp" or self.unet or self.transformer or not self.skips:
            raise ValueError("videos go with the small U-Net: network: conv, with skips")
        if self.conditional or self.texts:
            raise ValueError("videos go without conditional and texts")
        if self.channels % 4:
            raise ValueError(f"channels is {self.channels}: a multiple of 4")
        return self


class VideoDiffusion(Diffusion):
    """A U-Net that takes the noise out of all frames of a video."""

    Settings = VideoDiffusionSettings
    settings: VideoDiffusionSettings

    def build(self) -> nn.ModuleDict:
        """The denoiser, and the process that it undoes. BadInput for images."""
        settings, shape = self.settings, self.shape
        if not shape.is_video:
            raise BadInput("its images are not videos; name such, as in moving:shapes")
        network = VideoUNet(
            shape.channels, shape.size, settings.channels, shape.frames, temporal=settings.temporal
        )
        return nn.ModuleDict({"denoiser": network, "noising": self.process()})
