"""Diffusion conditioned on texts that a frozen, pretrained network reads, as in Stable Diffusion
(CLIP; Rombach et al. 2022, arXiv:2112.10752) and Imagen (T5; Saharia et al. 2022,
arXiv:2205.11487).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import cast

import torch
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families.base import Noise
from harness.families.diffusion import Diffusion, DiffusionSettings
from harness.networks.ddpm_unet import DDPMUNet
from harness.networks.feature_network import FeatureNetwork
from harness.networks.pretrained_text import (
    PretrainedText,
    PretrainedTextEncoder,
    PretrainedTextSettings,
)
from harness.objectives.denoising import Denoiser, network_denoiser
from harness.samplers.guidance import guided


class PretrainedTextDiffusionSettings(DiffusionSettings):
    """A diffusion model's, whose `text_encoder` is a pretrained network that stays as it is."""

    texts: bool = True
    text_encoder: PretrainedTextSettings = PretrainedTextSettings()  # type: ignore[assignment]


class TextAttending(nn.Module):
    """A U-Net that attends to the vectors of a text."""

    def __init__(self, network: DDPMUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, t: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
        """x N×C×S×S, t N, vectors N×L×context and which of them count N×L → N×C×S×S."""
        image: Tensor = self.network(x, t, None, tokens, mask)
        return image


class PretrainedTextDiffusion(Diffusion):
    """A diffusion model that attends to texts as a frozen network reads them. The network is no
    part of the model's weights.
    """

    Settings = PretrainedTextDiffusionSettings
    settings: PretrainedTextDiffusionSettings
    _encoder: PretrainedTextEncoder | None = None
    _table: Tensor | None = None
    """The pieces of each word of the training texts."""

    def build(self) -> nn.ModuleDict:
        """The denoiser, and the process that it undoes. Raises BadInput where the weights of the
        text encoder are not on this machine.
        """
        if self.shape.tokenizer is None:
            raise BadInput("its images have no texts")
        settings, shape = self.settings, self.shape
        assert settings.unet is not None
        network = DDPMUNet(
            shape.channels, shape.size, settings.width * shape.size, settings.unet,
            context=self._pretrained.width(), skips=settings.skips,
        )  # fmt: skip
        return nn.ModuleDict({"denoiser": TextAttending(network), "noising": self.process()})

    def frozen_networks(self) -> tuple[FeatureNetwork, ...]:
        """The text encoder."""
        return (self._pretrained,)

    @cached_property
    def _pretrained(self) -> PretrainedText:
        return PretrainedText(self.settings.text_encoder)

    @property
    def encoder(self) -> PretrainedTextEncoder:
        """The text encoder on the model's device, once it was moved there."""
        assert self._encoder is not None
        return self._encoder

    def to(self, device: torch.device | str) -> None:
        """Moves all networks there, and reads the text encoder."""
        super().to(device)
        assert self.shape.tokenizer is not None
        if self._encoder is None:
            self._encoder = cast(PretrainedTextEncoder, self._pretrained.load(device))
        self._encoder.to(device)
        self._table = self._encoder.table(self.shape.tokenizer)

    def _condition(self, batch: Batch, noise: Noise) -> tuple[Tensor, ...]:
        """The vectors of the texts, some left out at random, and a mask of the ones that count."""
        assert batch.tokens is not None
        assert self._table is not None
        ids = batch.tokens
        if self.settings.shuffled_texts:
            ids = ids.roll(1, dims=0)
        if "drop" in noise:
            ids = torch.where(noise["drop"][:, None], self._nothing(ids), ids)
        vectors, mask = self.encoder(ids, self._table)
        return vectors, mask

    @torch.inference_mode()
    def sample_texts(self, texts: Sequence[str], generator: torch.Generator) -> Tensor:
        """An image N×C×S×S in [-1, 1] for each of the texts, whatever words they have."""
        condition: tuple[Tensor, ...] = self.encoder.read(texts)
        if self.guidance[0] != 1:
            condition += self.encoder.read([""] * len(texts))
        return self._sampled(len(texts), generator, condition)

    def unclipped(self, condition: tuple[Tensor, ...]) -> Denoiser:
        """The network as a denoiser. Of four tensors the first two are the texts that it is guided
        towards, the others texts without words.
        """
        towards, away = (
            network_denoiser(self.networks["denoiser"], self.target, *part)
            for part in (condition[:2], condition[2:])
        )
        return guided(towards, away, self.guidance[0])
