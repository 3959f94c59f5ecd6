"""How long a model takes to encode images and to decode codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence
from harness.evaluation.protocols import TIMING_BATCH, TIMING_REPEATS
from harness.evaluation.specs import evidence
from harness.training.clock import clock


@evidence(requires=("codes", "reference"), timed=True)
def encoding_seconds_per_image(e: Evidence) -> Tensor:
    """Seconds per image, one value a repeat, until codes are on the CPU; see
    `harness.training.clock`.
    """
    images = _images(e)
    return _timed(e, lambda model: model.encode(images).cpu())


@evidence(requires=("codes", "decoder", "reference"), timed=True)
def decoding_seconds_per_image(e: Evidence) -> Tensor:
    """Seconds per image, one value a repeat, until images are uint8 on the CPU."""
    with torch.inference_mode():
        codes = e.model.encode(_images(e))
    return _timed(e, lambda model: e.stored(model.decode(codes)))


def _images(e: Evidence) -> Tensor:
    """A batch of test images on the model's device, from the first again where they are few."""
    images: Tensor = e["reference_images"]
    return to_float(images[torch.arange(TIMING_BATCH) % len(images)]).to(e.device)


def _timed(e: Evidence, run: Callable[[Any], Tensor]) -> Tensor:
    """Seconds per image of each repeat but the first, which is not counted."""
    now, seconds = clock(e.device), []
    with torch.inference_mode():
        for number in range(1 + TIMING_REPEATS):
            model = e.unchecked_model if number else e.model
            started = now()
            run(model)
            seconds.append((now() - started) / TIMING_BATCH)
    return torch.tensor(seconds[1:], dtype=torch.float64)
