"""Which classes a set of samples has, and in what proportions, as a classifier sees them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness.metrics import checks
from harness.metrics.base import Estimate
from harness.spec.errors import BadInput


def class_counts(logits: Tensor) -> Tensor:
    """How many images are predicted as each class: int64, one for each column of `logits`
    n×classes. Of equal logits the first class is the prediction.
    """
    logits = checks.matrix(logits, "logits", at_least=1)
    if logits.shape[1] < 2:
        raise BadInput("logits have one column; at least two classes are needed")
    return torch.bincount(logits.argmax(dim=1), minlength=logits.shape[1])


def mode_count(logits: Tensor, at_least: int = 1) -> Estimate:
    """The number of classes of which `at_least` samples are predicted; `logits` n×classes.

    Metz et al. 2017, arXiv:1611.02163, with the threshold of one sample that is usual on stacked
    MNIST (Lin et al. 2018, arXiv:1712.04086).

    The standard error is the jackknife's over images: 0 unless some class would be lost with a
    single sample. It says nothing of a rare class that no sample has.
    """
    if at_least < 1:
        raise BadInput(f"a mode needs at least one sample, not {at_least}")
    counts = class_counts(logits)
    n = int(counts.sum())
    # Leaving an image out loses its class where that has no image to spare.
    share = at_least * int((counts == at_least).sum()) / n
    stderr = math.sqrt((n - 1) * share * (1 - share))
    return Estimate(float((counts >= at_least).sum()), stderr, "images")


def mode_kl(sample_logits: Tensor, reference_logits: Tensor) -> Estimate:
    """KL(p ‖ q) in nats of the predicted classes of the samples, p, from the reference's, q.

    Lin et al. 2018, arXiv:1712.04086, where q is known to be uniform. Both logits are of the same
    classifier, `sample_logits` n×classes and `reference_logits` m×classes. q has half an image
    added to each class (Jeffreys' prior), so that a class without a reference image costs much,
    and not infinitely much. A class without a sample costs little: in this direction, KL is only
    −log of the share of the classes that are left.

    Of equal distributions about (classes − 1)/2 · (1/n + 1/m) is to be expected, not 0. The
    standard error is the delta method's over the images of both sets, to the second order.
    """
    counts, reference = class_counts(sample_logits), class_counts(reference_logits)
    if len(counts) != len(reference):
        raise BadInput(f"logits differ in classes: {len(counts)} and {len(reference)}")
    n, m, classes = int(counts.sum()), int(reference.sum()), len(counts)
    p = counts.double() / n
    q = (reference.double() + 0.5) / (m + classes / 2)
    # Where p is 0, so is its term, whatever the logarithm.
    log_ratio = torch.where(counts > 0, (p / q).clamp(min=torch.finfo(p.dtype).tiny).log(), 0)
    kl = (p * log_ratio).sum()
    first_order = ((p * log_ratio.square()).sum() - kl.square()) / n
    first_order += ((p.square() / q).sum() - 1) / m
    # Where the distributions are equal, the first-order term is 0 and KL is distributed as
    # (1/n + 1/m)/2 · χ² with so many degrees of freedom; there noise adds twice the variance of
    # that to the estimate of the first-order term.
    second_order = (classes - 1) / 2 * (1 / n + 1 / m) ** 2
    variance = max(float(first_order) - 2 * second_order, 0.0) + second_order
    # Of equal proportions rounding can leave it a hair below zero.
    return Estimate(max(float(kl), 0.0), math.sqrt(variance), "images")
