"""Deep autoencoders that are trained layer by layer before they are trained as a whole (Hinton &
Salakhutdinov 2006, doi:10.1126/science.1127647; Bengio et al. 2007, NeurIPS).
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from harness.data.batch import Batch
from harness.families.autoencoding import Share
from harness.families.base import Family, FamilySettings, Losses, Noise, Phase, Player
from harness.families.builders import check_sources, in_range, no_noise
from harness.objectives.reconstruction import squared_error


class StackedAutoencoderSettings(FamilySettings):
    """`depth` hidden layers of `width` units on each side of a code of `latent` numbers.
    `pretraining` is the share of training in which layers are trained one by one.
    """

    width: PositiveInt = 256
    depth: PositiveInt = 4
    latent: PositiveInt = 32
    pretraining: Share = 0.5


class StackedAutoencoder(Family):
    """Pairs of layers, one of the encoder and one of the decoder each."""

    Settings = StackedAutoencoderSettings
    settings: StackedAutoencoderSettings

    def build(self) -> nn.ModuleDict:
        """A network for each layer: `down-1` … from the image to the code, and `up-1` … back."""
        check_sources(self.shape, "an autoencoder")
        networks = nn.ModuleDict()
        for number, (wide, narrow) in enumerate(pairwise(self._sizes), start=1):
            networks[f"down-{number}"] = nn.Linear(wide, narrow)
            networks[f"up-{number}"] = nn.Linear(narrow, wide)
        return networks

    @property
    def _sizes(self) -> list[int]:
        s, values = self.settings, self.shape.channels * self.shape.size**2
        return [values, *[s.width] * s.depth, s.latent]

    @property
    def _levels(self) -> int:
        return self.settings.depth + 1

    def phases(self) -> tuple[Phase, ...]:
        """One for each pair of layers, from the image to the code, and one for all."""
        optimizer, share = self.settings.optimizer, self.settings.pretraining
        phases = []
        for level in range(1, self._levels + 1):
            loss = partial(self.layer_loss, level)
            player = Player("model", (f"down-{level}", f"up-{level}"), no_noise, loss, optimizer)
            phases.append(Phase((player,), f"layer-{level}", share / self._levels))
        whole = Player("model", tuple(self.networks), no_noise, self.loss, optimizer)
        return (*phases, Phase((whole,), "fine-tuning", 1 - share))

    def layer_loss(self, level: int, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The squared error of a pair of layers on what the layers below give."""
        with torch.no_grad():
            below = self._down(networks, batch.x, level - 1)
        code = self._layer_down(networks, below, level)
        return {"loss": squared_error(below, self._layer_up(networks, code, level))}

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The squared error of the whole, from the damaged image if there is one."""
        seen = batch.x if batch.source is None else batch.source
        code = self._down(networks, seen, self._levels)
        return {"loss": squared_error(batch.x, self._up(networks, code))}

    def _down(self, networks: nn.ModuleDict, x: Tensor, levels: int) -> Tensor:
        """x N×C×S×S → what the first layers give, N×d."""
        x = x.flatten(1)
        for level in range(1, levels + 1):
            x = self._layer_down(networks, x, level)
        return x

    def _layer_down(self, networks: nn.ModuleDict, x: Tensor, level: int) -> Tensor:
        out: Tensor = networks[f"down-{level}"](x)
        return out if level == self._levels else F.leaky_relu(out, 0.2)

    def _layer_up(self, networks: nn.ModuleDict, x: Tensor, level: int) -> Tensor:
        out: Tensor = networks[f"up-{level}"](x)
        return out if level == 1 else F.leaky_relu(out, 0.2)

    def _up(self, networks: nn.ModuleDict, z: Tensor) -> Tensor:
        """Codes N×latent → N×C×S×S."""
        for level in range(self._levels, 0, -1):
            z = self._layer_up(networks, z, level)
        return z.view(len(z), self.shape.channels, self.shape.size, self.shape.size)

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → codes N×latent."""
        return self._down(self.networks, x, self._levels)

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Codes N×latent → images N×C×S×S in [-1, 1]."""
        return in_range(self._up(self.networks, z), self.shape)

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → x̂, both in [-1, 1]."""
        return self.decode(self.encode(x))

    def restore(self, source: Tensor, mask: Tensor | None) -> Tensor:
        """Damaged images N×C×S×S → what they were, both in [-1, 1]. The mask is not used."""
        return self.reconstruct(source)
