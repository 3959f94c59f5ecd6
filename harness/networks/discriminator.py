"""Networks that judge images: a body, what it takes of the batch, and a last linear layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from harness.networks.batch_features import BATCH_FEATURES
from harness.networks.convnet import downsampling, flat_features
from harness.networks.mlp import layers
from harness.networks.normalisation import Norm


class ImageDiscriminator(nn.Module, ABC):
    """Judges images N×channels×S×S by the features that its last layer takes."""

    @abstractmethod
    def features(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → what the last layer takes, N×F."""


class ConvDiscriminator(ImageDiscriminator):
    """N×channels×S×S → N×out by strided convolutions; `head` names further features of the batch,
    see `batch_features`.
    """

    def __init__(  # noqa: PLR0913 - its sizes, and how it is made, each by name
        self,
        channels: int,
        size: int,
        width: int,
        out: int,
        *,
        activation: nn.Module,
        norm: Norm | None,
        head: Sequence[str] = (),
        attention: bool = False,
    ) -> None:
        super().__init__()
        body = downsampling(channels, size, width, activation, norm=norm, attention=attention)
        further, features = batch_layers(head, flat_features(size, width))
        self.body = nn.Sequential(*body, nn.Flatten(), *further)
        self.head = nn.Linear(features, out)

    def features(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → what the last layer takes, N×F."""
        features: Tensor = self.body(x)
        return features

    def forward(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → N×out."""
        out: Tensor = self.head(self.body(x))
        return out


class MLPDiscriminator(ImageDiscriminator):
    """N×channels×S×S → N×out by `depth` layers of `width` units, of a kind of `hidden_layers`;
    `head` as above.
    """

    def __init__(  # noqa: PLR0913 - its sizes, and how it is made, each by name
        self,
        channels: int,
        size: int,
        width: int,
        out: int,
        *,
        activation: nn.Module,
        depth: int,
        head: Sequence[str] = (),
        hidden: str = "plain",
    ) -> None:
        super().__init__()
        values = channels * size**2
        *units, last = layers(values, width, depth, out, activation, hidden=hidden)
        further, features = batch_layers(head, width if depth else values)
        last = nn.Linear(features, out) if further else last
        self.body = nn.Sequential(*units, *further, last)

    def features(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → what the last layer takes, N×F."""
        features: Tensor = self.body[:-1](x.flatten(1))
        return features

    def forward(self, x: Tensor) -> Tensor:
        """x N×channels×S×S → N×out."""
        out: Tensor = self.body(x.flatten(1))
        return out


def batch_layers(names: Sequence[str], features: int) -> tuple[list[nn.Module], int]:
    """The layers of `BATCH_FEATURES` by name, one behind the other, and how many features the last
    of them gives.
    """
    further: list[nn.Module] = []
    for name in names:
        layer = BATCH_FEATURES[name](features)
        further.append(layer)
        features = layer.features
    return further, features
