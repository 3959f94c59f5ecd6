"""The loss of images that training does not show: whether a model still gets better on those.

On a small training set the loss of training falls for as long as a network learns images by heart,
so that it says nothing of what more training would bring.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from torch import nn

from harness.core.seeding import generator
from harness.data.base import Dataset, Split
from harness.data.loader import Batches
from harness.families.base import FamilySettings, Phase
from harness.training import data_parallel
from harness.training.compute import compute_loss
from harness.training.freezing import evaluating

HELD_OUT_LOSS = "held_out_loss"
"""Among the values of a player in the training curves."""


def held_out_split(dataset: Dataset) -> Split:
    """Returns the test images that are no anomalies, as training would show them: with the random
    changes of training, and not with the damage that belongs to the test.
    """
    split, transform = dataset.normal_test, dataset.train.transform
    if transform is None:
        return split
    return replace(split, transform=transform, sources=None, known=None)


@dataclass(frozen=True)
class HeldOutLoss:
    """The loss of one batch of held-out `images`, the same with the same noise at each reading, in
    evaluation mode, of the weights without their average.
    """

    images: Batches
    settings: FamilySettings

    def read(self, networks: nn.ModuleDict, phase: Phase, progress: float) -> dict[str, float]:
        """Returns the loss of the phase's player at the share `progress` of the phase, by its name
        in the curves. Nothing where it is not finite, or where there are several players, whose
        losses pull against each other.
        """
        if len(phase.players) != 1:
            return {}
        player, images = phase.players[0], self.images
        batch = images.of_size(phase.batch_size or self.settings.batch_size).batch(0)
        draws = generator(images.seed, "held-out", phase.name, player.name, device=images.device)
        loss = compute_loss(player.loss, self.settings, images.device, "off")
        with evaluating(networks), data_parallel.whole_batches():
            noise = data_parallel.draw_noise_aside(player, networks, batch, draws, progress)
            value = float(loss(networks, batch, noise)["loss"].detach())
        return {f"{player.name}/{HELD_OUT_LOSS}": value} if math.isfinite(value) else {}
