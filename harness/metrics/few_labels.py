"""What an encoder is worth to a classifier that has few labels to learn from."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

__all__ = ["few_label_accuracy", "few_label_gain"]

LABELS_PER_CLASS = 10
"""Labelled training images of each class, the first ones."""
FINE_TUNING_STEPS = 200
"""Steps of Adam, each on all labelled images."""
FINE_TUNING_RATE = 1e-3


@takes_arrays
def few_label_accuracy(tuned_hits: Tensor) -> Estimate:
    """The share of test images, from 0 to 1, that a classifier fine-tuned from the encoder on few
    labels gets right (Erhan et al. 2010, JMLR 11:625). `tuned_hits` n bool.
    """
    return checks.mean_over(_hits(tuned_hits), "images")


@takes_arrays
def few_label_gain(tuned_hits: Tensor, scratch_hits: Tensor) -> Estimate:
    """The accuracy of that classifier less the accuracy of one of the same architecture, labels and
    steps whose weights start from random numbers. Both n bool, image by image.
    """
    tuned, scratch = _hits(tuned_hits), _hits(scratch_hits)
    if len(tuned) != len(scratch):
        raise BadInput(f"hits of {len(tuned)} and of {len(scratch)} images; pairs are needed")
    return checks.mean_over(tuned - scratch, "images")


def _hits(hits: Tensor) -> Tensor:
    if hits.dtype != torch.bool or hits.ndim != 1 or not len(hits):
        raise BadInput(f"hits are {hits.dtype} of shape {tuple(hits.shape)}; n bool are needed")
    return hits.double()


FEW_LABEL_ACCURACY = Metric(
    "few_label_accuracy",
    few_label_accuracy,
    "higher",
    "accuracy of a classifier fine-tuned on few labels",
    "Erhan et al. 2010, JMLR 11:625",
    kind="representation",
    settings={"per_class": LABELS_PER_CLASS, "steps": FINE_TUNING_STEPS, "lr": FINE_TUNING_RATE},
    range=(0.0, 1.0),
)
FEW_LABEL_GAIN = Metric(
    "few_label_gain",
    few_label_gain,
    "higher",
    "accuracy that fine-tuning on few labels gains over random weights",
    "Erhan et al. 2010, JMLR 11:625",
    kind="representation",
    settings={"per_class": LABELS_PER_CLASS, "steps": FINE_TUNING_STEPS, "lr": FINE_TUNING_RATE},
    range=(-1.0, 1.0),
)
