"""How a discriminator takes the class of an image into account.

Its network gives raw outputs N×(1 + K) for K classes, or N×1 where the class is part of its input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Conditioning:
    """`judge` makes of raw outputs and labels int64 N what the discriminator says of each image,
    N×1. `planes`: the network takes the class beside the image's channels. `classifies`: its
    further outputs are logits of the classes, which both players train.
    """

    judge: Callable[[Tensor, Tensor], Tensor]
    planes: bool = False
    classifies: bool = False

    def channels(self, classes: int) -> int:
        """Channels that the network takes beside an image's."""
        return classes if self.planes else 0

    def outputs(self, classes: int) -> int:
        """Outputs that the network gives."""
        return 1 if self.planes else 1 + classes


def first_output(outputs: Tensor, labels: Tensor) -> Tensor:
    """The first of the raw outputs, whatever the class: N×1."""
    return outputs[:, :1]


def projected_output(outputs: Tensor, labels: Tensor) -> Tensor:
    """ψ(φ(x)) + yᵀVφ(x): the first output, and the output of the class (Miyato & Koyama 2018,
    arXiv:1802.05637, equation 3; the last layer is linear in the features φ).
    """
    return outputs[:, :1] + outputs[:, 1:].gather(1, labels[:, None])


def beside_planes(x: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Images N×C×S×S with `classes` more channels, 1 everywhere at the class and 0 at all others:
    N×(C + classes)×S×S.
    """
    planes = F.one_hot(labels, classes).to(x.dtype)[:, :, None, None]
    return torch.cat([x, planes.expand(-1, -1, *x.shape[2:])], dim=1)


CONDITIONINGS: Mapping[str, Conditioning] = {
    # Miyato & Koyama 2018, arXiv:1802.05637.
    "projection": Conditioning(projected_output),
    # Mirza & Osindero 2014, arXiv:1411.1784.
    "concatenation": Conditioning(first_output, planes=True),
    # Odena et al. 2017, arXiv:1610.09585 (AC-GAN), equations 2 and 3.
    "classifier": Conditioning(first_output, classifies=True),
}
"""By the name that recipes give it as `discriminator: {conditioning: …}`."""
