"""Which kinds of images a set of samples has, and in what proportions.

Kinds are the classes that a classifier sees or, where the density of the data is known, its modes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric, worse_with

__all__ = [
    "commonest_class", "confident_share", "exact_mode_kl", "high_quality", "mode_count", "mode_kl",
    "modes_covered", "rarest_class",
]  # fmt: skip

HIGH_QUALITY_LIMIT = 3.0
"""Standard deviations from a mode up to which a sample counts as one of it."""
CONFIDENT = 0.9
"""The probability of its class from which on a classifier counts as confident of an image."""


def class_counts(logits: Tensor) -> Tensor:
    """How many images are predicted as each class: int64, one for each column of `logits`
    n×classes. Of equal logits the first class is the prediction.
    """
    logits = checks.matrix(logits, "logits", at_least=1)
    if logits.shape[1] < 2:
        raise BadInput("logits have one column; at least two classes are needed")
    return torch.bincount(logits.argmax(dim=1), minlength=logits.shape[1])


@takes_arrays
def mode_count(sample_logits: Tensor, at_least: int = 1) -> Estimate:
    """The number of classes with at least `at_least` predicted samples; `sample_logits` n×classes.

    Metz et al. 2017, arXiv:1611.02163, with the threshold of one sample that is usual on stacked
    MNIST (Lin et al. 2018, arXiv:1712.04086).

    The standard error is the jackknife's over images: 0 unless some class would be lost with a
    single sample. It says nothing of a rare class that no sample has.
    """
    return _present(class_counts(sample_logits), len(sample_logits), at_least)


MODE_COUNT = Metric(
    "mode_count",
    mode_count,
    "higher",
    "number of classes sampled",
    "Metz et al. 2017, arXiv:1611.02163",
    kind="modes",
    digits=0,
    settings={"at_least": 1},
    range=(0.0, None),
    counts=True,
    fooled_by=worse_with("dropped_modes"),
)


@takes_arrays
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
    m, classes = int(reference.sum()), len(counts)
    q = (reference.double() + 0.5) / (m + classes / 2)
    return _divergence(counts, q, 1 / int(counts.sum()), 1 / m)


MODE_KL = Metric(
    "mode_kl",
    mode_kl,
    "lower",
    "KL divergence of the sampled classes",
    "Lin et al. 2018, arXiv:1712.04086",
    kind="modes",
    scale="log",
    unit="nats",
    digits=4,
    settings={"prior": 0.5},
    range=(0.0, None),
    fooled_by=worse_with("dropped_modes"),
)


@takes_arrays
def confident_share(sample_logits: Tensor) -> Estimate:
    """The share of samples to whose most likely class the classifier gives a probability of
    `CONFIDENT` or more. `sample_logits` n×classes. The standard error is that of a proportion.
    """
    logits = checks.matrix(sample_logits, "logits", at_least=1)
    confident = logits.softmax(dim=1).amax(dim=1) >= CONFIDENT
    return checks.proportion(float(confident.double().mean()), len(logits))


CONFIDENT_SHARE = Metric(
    "confident_share",
    confident_share,
    "higher",
    "share of samples that a classifier is sure of",
    "",
    kind="modes",
    settings={"probability": CONFIDENT},
    range=(0.0, 1.0),
    fooled_by=worse_with("noise", "blur"),
)


@takes_arrays
def rarest_class(sample_logits: Tensor) -> Estimate:
    """The share of samples that are predicted as the rarest class: 0 where a class has none, 1 over
    the number of classes where all are equally frequent. `sample_logits` n×classes. The standard
    error is that of a proportion.
    """
    counts = class_counts(sample_logits)
    return checks.proportion(float(counts.min()) / len(sample_logits), len(sample_logits))


RAREST_CLASS = Metric(
    "rarest_class",
    rarest_class,
    "higher",
    "share of the rarest class among samples",
    "",
    kind="modes",
    range=(0.0, 1.0),
    fooled_by=worse_with("dropped_modes"),
)


@takes_arrays
def commonest_class(sample_logits: Tensor) -> Estimate:
    """The share of samples that are predicted as the commonest class; the rest is as in
    `rarest_class`.
    """
    counts = class_counts(sample_logits)
    return checks.proportion(float(counts.max()) / len(sample_logits), len(sample_logits))


COMMONEST_CLASS = Metric(
    "commonest_class",
    commonest_class,
    "lower",
    "share of the commonest class among samples",
    "",
    kind="modes",
    range=(0.0, 1.0),
    fooled_by=worse_with("dropped_modes"),
)


@takes_arrays
def modes_covered(
    sample_modes: Tensor, sample_deviations: Tensor, mode_total: int, at_least: int = 1
) -> Estimate:
    """The number of modes that are the nearest of `at_least` high-quality samples.

    Srivastava et al. 2017 (VEEGAN), arXiv:1705.07761, where one sample is enough.
    `sample_modes` is the mode nearest to each sample, int64 n from 0 to `mode_total` − 1, and
    `sample_deviations` how many standard deviations they are from it (`high_quality`). The
    standard error is that of `mode_count`.
    """
    sample_deviations = checks.vector(sample_deviations, "deviations")
    counts = _mode_counts(sample_modes[sample_deviations <= HIGH_QUALITY_LIMIT], mode_total)
    return _present(counts, len(sample_modes), at_least)


MODES_COVERED = Metric(
    "modes_covered",
    modes_covered,
    "higher",
    "number of known modes covered",
    "Srivastava et al. 2017, arXiv:1705.07761",
    kind="modes",
    digits=1,
    settings={"within": HIGH_QUALITY_LIMIT, "at_least": 1},
    range=(0.0, None),
    counts=True,
)


@takes_arrays
def high_quality(sample_deviations: Tensor) -> Estimate:
    """The share of samples within three standard deviations of the mode nearest to them.

    Srivastava et al. 2017 (VEEGAN), arXiv:1705.07761. `sample_deviations` n floats. Of the
    density itself the share is not 1, in the plane 1 − e^(−9/2) = 0.989. The standard error is that
    of a proportion.
    """
    near = checks.vector(sample_deviations, "deviations") <= HIGH_QUALITY_LIMIT
    return checks.proportion(float(near.double().mean()), len(near))


HIGH_QUALITY = Metric(
    "high_quality",
    high_quality,
    "higher",
    "share of samples at a known mode",
    "Srivastava et al. 2017, arXiv:1705.07761",
    kind="modes",
    settings={"within": HIGH_QUALITY_LIMIT},
    range=(0.0, 1.0),
)


@takes_arrays
def exact_mode_kl(sample_modes: Tensor, mode_total: int) -> Estimate:
    """KL(p ‖ q) in nats of the modes nearest to the samples, p, from q = 1 / `mode_total` for each.

    Lin et al. 2018 (PacGAN), arXiv:1712.04086. `sample_modes` int64 n from 0 to `mode_total` − 1.
    Every sample counts, however far from its mode; log `mode_total` where all are nearest to a
    single one. Of samples of the density itself about (`mode_total` − 1) / 2n is to be expected.
    The standard error is the delta method's over samples, to the second order.
    """
    counts = _mode_counts(sample_modes, mode_total)
    q = torch.full((mode_total,), 1 / mode_total, dtype=torch.float64)
    return _divergence(counts, q, 1 / len(sample_modes), 0.0)


MODE_KL_EXACT = Metric(
    "mode_kl_exact",
    exact_mode_kl,
    "lower",
    "KL divergence of the known modes sampled",
    "Lin et al. 2018, arXiv:1712.04086",
    kind="modes",
    scale="log",
    unit="nats",
    digits=4,
    range=(0.0, None),
)


def _mode_counts(modes: Tensor, total: int) -> Tensor:
    checks.labels(modes, "modes", len(modes))
    if len(modes) and not 0 <= int(modes.min()) <= int(modes.max()) < total:
        raise BadInput(f"modes are {int(modes.min())} to {int(modes.max())}, not 0 to {total - 1}")
    return torch.bincount(modes, minlength=total)


def _present(counts: Tensor, n: int, at_least: int) -> Estimate:
    """How many counts are `at_least` so high, of `n` samples in all."""
    if at_least < 1:
        raise BadInput(f"a mode needs at least one sample, not {at_least}")
    # Leaving an image out loses its class where that has no image to spare.
    share = at_least * int((counts == at_least).sum()) / n
    stderr = math.sqrt((n - 1) * share * (1 - share))
    return Estimate(float((counts >= at_least).sum()), stderr, "images")


def _divergence(counts: Tensor, q: Tensor, per_sample: float, per_reference: float) -> Estimate:
    """KL of the proportions of `counts` from q. `per_sample` and `per_reference` are the inverse
    numbers of samples and of the reference images that q is from (0: q is exact).
    """
    p = counts.double() * per_sample
    noise = per_sample + per_reference
    # Where p is 0, so is its term, whatever the logarithm.
    log_ratio = torch.where(counts > 0, (p / q).clamp(min=torch.finfo(p.dtype).tiny).log(), 0)
    kl = (p * log_ratio).sum()
    first_order = ((p * log_ratio.square()).sum() - kl.square()) * per_sample
    first_order += ((p.square() / q).sum() - 1) * per_reference
    # Where the distributions are equal, the first-order term is 0 and KL is distributed as
    # (1/n + 1/m)/2 · χ² with one degree of freedom fewer than there are classes; there noise adds
    # twice the variance of that to the estimate of the first-order term.
    second_order = (len(q) - 1) / 2 * noise**2
    variance = max(float(first_order) - 2 * second_order, 0.0) + second_order
    # Of equal proportions rounding can leave it a hair below zero.
    return Estimate(max(float(kl), 0.0), math.sqrt(variance), "images")
