"""Flow matching by torchcfm (Tong et al. 2024, arXiv:2302.00482) with the network of a recipe."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, randn_like
from torchcfm.conditional_flow_matching import ConditionalFlowMatcher

from harness.data.base import Split
from harness.families.base import Family
from harness.objectives.flow import TIME_SCALE
from peers.bare_loops import Average
from peers.plain_loops import train_plainly


def train(family: Family, split: Split, steps: int, seed: int) -> float:
    """Straight paths without noise on them; the mean loss of the last tenth of the steps."""
    settings: Any = family.settings
    denoiser = family.networks["denoiser"]
    matcher = ConditionalFlowMatcher(sigma=0.0)
    average = Average(denoiser, settings.ema)

    def loss_of(x: Tensor) -> Tensor:
        t, between, velocity = matcher.sample_location_and_conditional_flow(randn_like(x), x)
        return F.mse_loss(denoiser(between, TIME_SCALE * t), velocity)

    return train_plainly(denoiser, loss_of, split, steps, seed, settings, average.update)
