"""Small networks for images whose factors are known: one reads them, one has images and their texts
in one space.

Their features keep the place of what they see, which an average over the image would lose.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from harness.core.errors import BadInput
from harness.data.tokenizer import Tokenizer
from harness.networks.classifier_net import load_half, read_metadata
from harness.networks.text_encoder import TextEncoder, TextEncoderSettings

CHANNELS = (32, 64, 64)
"""Of the convolutions, each at half the resolution of the one before."""
FEATURES = 128
"""Numbers that an image becomes."""
EMBEDDING = 64
"""The dimensions of the space of images and texts."""
START_SCALE = 1 / 0.07
"""What similarities are multiplied by at the start (Radford et al. 2021, section 2.5)."""
MOST_SCALE = 100.0
"""What they are multiplied by at most."""


class ImageTower(nn.Sequential):
    """Images in [0, 1] N×C×S×S → features N×128. Raises BadInput unless S is a multiple of 8."""

    def __init__(self, channels: int, size: int) -> None:
        if size % 2 ** len(CHANNELS):
            raise BadInput(f"the network takes images of a multiple of 8 pixels a side, not {size}")
        layers: list[nn.Module] = []
        ins = (channels, *CHANNELS[:-1])
        for i, o, kernel in zip(ins, CHANNELS, (5, 3, 3), strict=True):
            layers += [
                nn.Conv2d(i, o, kernel, stride=2, padding=kernel // 2, bias=False),
                nn.BatchNorm2d(o),
                nn.ReLU(),
            ]
        width = CHANNELS[-1] * (size // 2 ** len(CHANNELS)) ** 2
        layers += [nn.Flatten(), nn.Linear(width, FEATURES), nn.BatchNorm1d(FEATURES), nn.ReLU()]
        super().__init__(*layers)


class FactorNet(nn.Module):
    """Reads each factor of an image: `values` is the number of values of each."""

    def __init__(self, channels: int, size: int, values: Sequence[int]) -> None:
        super().__init__()
        self.values = tuple(values)
        self.image = ImageTower(channels, size)
        self.head = nn.Linear(FEATURES, sum(values))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Images in [0, 1] N×C×S×S → for each factor the logits of its values."""
        return self.logits(self.image(x))

    def logits(self, features: Tensor) -> list[Tensor]:
        """Features N×128 → for each factor the logits of its values."""
        return list(torch.split(self.head(features), list(self.values), dim=1))


class DualEncoder(nn.Module):
    """Images and texts in one space, as in CLIP (Radford et al. 2021, arXiv:2103.00020)."""

    def __init__(self, channels: int, size: int, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.image = ImageTower(channels, size)
        self.image_head = nn.Linear(FEATURES, EMBEDDING)
        self.text = TextEncoder(tokenizer.size, 1 + tokenizer.length, TextEncoderSettings(depth=1))
        self.text_head = nn.Linear(TextEncoderSettings().width, EMBEDDING)
        self.log_scale = nn.Parameter(torch.tensor(START_SCALE).log())

    def embed_images(self, x: Tensor) -> Tensor:
        """Images in [0, 1] N×C×S×S → unit vectors N×64."""
        return normalize(self.image_head(self.image(x)), dim=1)

    def embed_tokens(self, ids: Tensor) -> Tensor:
        """Ids of the tokenizer, int64 N×L → unit vectors N×64 of the mean over each text."""
        tokens, mask = self.text(ids)
        mean = (tokens * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return normalize(self.text_head(mean), dim=1)

    @property
    def scale(self) -> Tensor:
        """What similarities are multiplied by in training, 0-d."""
        return self.log_scale.exp().clamp(max=MOST_SCALE)


def tower_record(net: FactorNet | DualEncoder, channels: int, size: int) -> dict[str, Any]:
    """What must stand beside the weights so that the network can be built: plain values."""
    record: dict[str, Any] = {"channels": channels, "size": size}
    if isinstance(net, FactorNet):
        return record | {"values": net.values}
    return record | {"vocabulary": net.tokenizer.vocabulary, "length": net.tokenizer.length}


def load_factor_net(path: Path) -> FactorNet:
    """The network stored at `path`, float32, in evaluation mode."""
    record = read_metadata(path)["architecture"]
    return load_half(FactorNet(record["channels"], record["size"], record["values"]), path)


def load_dual_encoder(path: Path) -> DualEncoder:
    """The network stored at `path`, float32, in evaluation mode."""
    record = read_metadata(path)["architecture"]
    tokenizer = Tokenizer(tuple(record["vocabulary"]), record["length"])
    return load_half(DualEncoder(record["channels"], record["size"], tokenizer), path)
