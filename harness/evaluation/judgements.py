"""What a model's adversary says of test images and of samples."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.core.seeding import generator
from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence
from harness.evaluation.outputs import on_scale
from harness.evaluation.specs import evidence


@evidence("critic", "reference")
def critic_on_test(e: Evidence) -> Tensor:
    """A Wasserstein critic's values of the test images, n."""
    return _judged(e, "reference_images")


@evidence("samples")
def opponent_samples(e: Evidence) -> Tensor:
    """New images as the model's adversary met them in training, of the raw weights; as many as
    there are samples.
    """
    draws = generator(e.seed, "opponent", e.draw, device=e.device)
    with torch.inference_mode():
        made = e.stored(e.model.opponent_samples(e.setup.samples, draws))
    return on_scale(e, made, "opponent_samples")


@evidence("critic", "samples")
def critic_on_samples(e: Evidence) -> Tensor:
    """A Wasserstein critic's values of the images that it met in training, n."""
    return _judged(e, "opponent_samples")


@evidence("odds", "reference")
def odds_on_test(e: Evidence) -> Tensor:
    """The log odds that test images are real, by the discriminator, n."""
    return _judged(e, "reference_images")


@evidence("odds", "samples")
def odds_on_samples(e: Evidence) -> Tensor:
    """The log odds that the images it met in training are real, by the discriminator, n."""
    return _judged(e, "opponent_samples")


def _judged(e: Evidence, images: str) -> Tensor:
    """All at once: how images are put into batches is the model's."""
    outputs: Tensor = e.model.discriminate(to_float(e[images]).to(e.device))
    return outputs.cpu()
