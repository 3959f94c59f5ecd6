"""How well scores tell anomalies from the rest. Scores are used as they are, never squashed."""

from __future__ import annotations

import math

import scipy
import torch
from scipy.special import expit, logit
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

__all__ = [
    "alarm_threshold", "auroc", "auroc_interval", "average_precision", "false_alarms", "fpr_at_tpr",
]  # fmt: skip


@takes_arrays
def auroc(anomaly_scores: Tensor, anomaly_labels: Tensor) -> Estimate:
    """The area under the ROC curve, with DeLong's standard error over images.

    The share of (anomalous, normal) pairs in which the anomalous image has the higher score, ties
    counting half; constant scores give 0.5. `anomaly_scores` n floats, higher for the more
    anomalous; `anomaly_labels` n booleans, true for anomalies. DeLong et al. 1988, through the
    midranks of Sun & Xu 2014, "Fast implementation of DeLong's algorithm".
    """
    anomalous, normal = _split(anomaly_scores, anomaly_labels)
    m, n = len(anomalous), len(normal)
    above, below = placements(anomalous, normal)
    value = float(above.mean())
    if min(m, n) < 2:
        return Estimate(value)
    return Estimate(value, math.sqrt(float(above.var()) / m + float(below.var()) / n), "images")


def placements(anomalous: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
    """For each score m of anomalous images the share of normal ones below it, and for each score n
    of normal images the share of anomalous ones above it, ties counting half: m and n float64.
    """
    m, n = len(anomalous), len(normal)
    pooled = scipy.stats.rankdata(torch.cat([anomalous, normal]).numpy())
    above = torch.from_numpy(pooled[:m] - scipy.stats.rankdata(anomalous.numpy())) / n
    below = 1 - torch.from_numpy(pooled[m:] - scipy.stats.rankdata(normal.numpy())) / m
    return above, below


AUROC = Metric(
    "auroc",
    auroc,
    "higher",
    "area under the ROC curve",
    "DeLong et al. 1988",
    kind="detection",
    range=(0.0, 1.0),
)


@takes_arrays
def auroc_interval(
    anomaly_scores: Tensor, anomaly_labels: Tensor, level: float = 0.95
) -> tuple[float, float]:
    """A confidence interval of `auroc`, from DeLong's standard error on the logit scale.

    logit A ± z · stderr / (A (1 − A)), which stays inside (0, 1). Scores that separate perfectly
    have no spread to estimate from; the bound is then that of k = min(m, n) independent pairs which
    all came out alike, ((1 − level) / 2)^(1/k).
    Fewer than two images of either kind raise BadInput, unless they separate perfectly.
    """
    if not 0 < level < 1:
        raise BadInput(f"the level of an interval lies between 0 and 1, not {level}")
    area = auroc(anomaly_scores, anomaly_labels)
    if area.value in {0.0, 1.0}:
        pairs = min(int(anomaly_labels.sum()), int((~anomaly_labels).sum()))
        bound = ((1 - level) / 2) ** (1 / pairs)
        return (bound, 1.0) if area.value == 1 else (0.0, 1 - bound)
    if area.stderr is None:
        raise BadInput("an interval of the AUROC needs two normal and two anomalous images")
    half = scipy.stats.norm.ppf((1 + level) / 2) * area.stderr / (area.value * (1 - area.value))
    return float(expit(logit(area.value) - half)), float(expit(logit(area.value) + half))


@takes_arrays
def average_precision(anomaly_scores: Tensor, anomaly_labels: Tensor) -> Estimate:
    """The area under the precision–recall curve as its step-wise sum, with its standard error.

    Σ (R_k − R_(k−1)) P_k over the distinct scores from the highest, scikit-learn's definition: the
    mean over the anomalies of the precision at their score. Arguments as for `auroc`. The value of
    a detector that knows nothing is the share of anomalies.

    The standard error over images, at the given numbers of normal and of anomalous ones, is the
    infinitesimal jackknife (Efron 1982, chapter 6): how the value changes with the weight of each
    image.
    """
    from sklearn.metrics import average_precision_score

    anomalous, normal = _split(anomaly_scores, anomaly_labels)
    value = float(
        average_precision_score(anomaly_labels.cpu().numpy(), anomaly_scores.double().cpu().numpy())
    )
    m, n = len(anomalous), len(normal)
    if min(m, n) < 2:
        return Estimate(value)
    ordered = anomalous.sort().values
    true = (m - torch.searchsorted(ordered, ordered)).double()
    false = (n - torch.searchsorted(normal.sort().values, ordered)).double()
    flagged = true + false
    # An image's weight changes the precision at every anomaly that scores no higher than itself.
    by_anomaly = _sums_up_to(ordered, false / flagged**2, ordered) + true / flagged
    by_normal = _sums_up_to(ordered, true / flagged**2, normal)
    variance = float(by_anomaly.var()) / m + float(by_normal.var()) * n / m**2
    return Estimate(value, math.sqrt(variance), "images")


AUPR = Metric(
    "aupr",
    average_precision,
    "higher",
    "average precision",
    "Davis & Goadrich 2006",
    kind="detection",
    range=(0.0, 1.0),
)


@takes_arrays
def fpr_at_tpr(anomaly_scores: Tensor, anomaly_labels: Tensor, tpr: float = 0.95) -> Estimate:
    """The share of normal images flagged where at least `tpr` of the anomalies are.

    The threshold is the highest score that flags this share of anomalies, and everything at or
    above it is flagged: a point of the ROC curve, not interpolated between two. Arguments as for
    `auroc`; `tpr` in (0, 1].

    The standard error joins the binomial one of the share (by Jeffreys' estimate, so that 0 of n
    is not certain) with that of the threshold, which Woodruff 1952 takes from the scores one
    standard error of their rank below and above it.
    """
    if not 0 < tpr <= 1:
        raise BadInput(f"the true positive rate is in (0, 1], not {tpr}")
    anomalous, normal = _split(anomaly_scores, anomaly_labels)
    m, n = len(anomalous), len(normal)
    ordered = anomalous.sort(descending=True).values
    needed = int((torch.arange(1, m + 1, dtype=torch.float64) / m < tpr).sum())
    spread = math.sqrt(m * tpr * (1 - tpr))
    ranks = torch.tensor([needed, round(needed - spread), round(needed + spread)]).clamp(0, m - 1)
    share, fewer, more = (float((normal >= t).double().mean()) for t in ordered[ranks])
    variance = _share_variance(share, n) + ((more - fewer) / 2) ** 2
    return Estimate(share, math.sqrt(variance), "images")


FPR95 = Metric(
    "fpr95",
    fpr_at_tpr,
    "lower",
    "false positive rate at 95 % true positives",
    "",
    kind="detection",
    settings={"tpr": 0.95},
    range=(0.0, 1.0),
)


@takes_arrays
def alarm_threshold(validation_scores: Tensor, share: float = 0.05) -> float:
    """The lowest validation score that at most a `share`, in (0, 1), of the validation scores lie
    above. `validation_scores` n floats, of normal images.

    Raises BadInput for fewer than 1 / `share` images: then no score may lie above.
    """
    scores = checks.vector(validation_scores, "validation scores").cpu()
    if not 0 < share < 1:
        raise BadInput(f"the share of alarms is in (0, 1), not {share}")
    above = math.floor(share * len(scores) + 1e-9)
    if not above:
        raise BadInput(
            f"{len(scores)} validation images are too few: {share:.3g} of them is less than one"
        )
    return float(scores.sort(descending=True).values[above])


@takes_arrays
def false_alarms(
    validation_scores: Tensor,
    anomaly_scores: Tensor,
    anomaly_labels: Tensor,
    share: float = 0.05,
) -> Estimate:
    """The share of normal test images whose score is above `alarm_threshold`, with its standard
    error.

    `validation_scores` are n floats of normal images that training did not see; the others as for
    `auroc`. The standard error joins the binomial one of the share over m normal test images, by
    Jeffreys' estimate, with that of the threshold: √(share · (1 − share) / n), which is the
    deviation of the true share above a quantile of n images (David & Nagaraja 2003, section 2.5).
    """
    threshold = alarm_threshold(validation_scores, share)
    _, normal = _split(anomaly_scores, anomaly_labels)
    m, n = len(normal), len(validation_scores)
    alarms = float((normal > threshold).double().mean())
    variance = _share_variance(alarms, m) + share * (1 - share) / n
    return Estimate(alarms, math.sqrt(variance), "images")


FALSE_ALARMS = Metric(
    "false_alarms_at_5_percent",
    false_alarms,
    "nearer",
    "share of false alarms where 5 % are allowed",
    "",
    kind="detection",
    ideal=0.05,
    settings={"share": 0.05},
    range=(0.0, 1.0),
)


def f1_max(anomaly_scores: Tensor, anomaly_labels: Tensor) -> Estimate:
    """The largest F1 score over all thresholds: 2 TP / (2 TP + FP + FN), in (0, 1].

    Jeong et al. 2023, "WinCLIP", arXiv:2303.14814 (F1-max). Everything at or above a
    threshold is flagged; arguments as for `auroc`. Constant scores give 2p / (1 + p), with p the
    share of anomalies. The threshold is chosen on the images that it is judged by, so that the
    value is too high for few images; there is no standard error.
    """
    anomalous, normal = _split(anomaly_scores, anomaly_labels)
    thresholds = torch.unique(anomalous)
    true = len(anomalous) - torch.searchsorted(anomalous.sort().values, thresholds)
    false = len(normal) - torch.searchsorted(normal.sort().values, thresholds)
    scores = 2 * true.double() / (true + false + len(anomalous))
    return Estimate(float(scores.max()))


F1_MAX = Metric(
    "f1_max",
    f1_max,
    "higher",
    "largest F1 score",
    "Jeong et al. 2023, arXiv:2303.14814",
    kind="detection",
    range=(0.0, 1.0),
)


def _sums_up_to(ordered: Tensor, terms: Tensor, limits: Tensor) -> Tensor:
    """For each limit the sum of the terms whose score, in `ordered`, is at most the limit."""
    sums = torch.cat([terms.new_zeros(1), terms.cumsum(0)])
    return sums[torch.searchsorted(ordered, limits, right=True)]


def _share_variance(share: float, n: int) -> float:
    """The binomial variance of a share of n images, by Jeffreys' estimate of the true share."""
    smoothed = (share * n + 0.5) / (n + 1)
    return smoothed * (1 - smoothed) / n


def _split(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The scores of the anomalous and of the normal images."""
    scores = checks.vector(scores, "anomaly scores").cpu()
    if labels.dtype != torch.bool or labels.shape != scores.shape:
        form = f"{labels.dtype} of shape {tuple(labels.shape)}"
        raise BadInput(f"anomaly labels are {form}; {len(scores)} booleans are needed")
    labels = labels.cpu()
    if bool(labels.all()) or not bool(labels.any()):
        kind = "anomalous" if bool(labels.all()) else "normal"
        raise BadInput(f"all {len(labels)} images are {kind}; detection needs both kinds")
    return scores[labels], scores[~labels]
