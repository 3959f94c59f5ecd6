"""The inception score: how sure a classifier is of each image, and how varied its answers are."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Caveat, Estimate, Metric, worse_with

__all__ = ["inception_score", "inception_scores"]


@takes_arrays
def inception_score(sample_logits: Tensor, *, splits: int = 10, seed: int = 2020) -> Estimate:
    """The mean of `inception_scores`, with its standard error over splits, which are taken to be
    independent.
    """
    part = len(sample_logits) // splits
    if part < sample_logits.shape[-1]:
        warnings.warn(
            f"an inception score of parts of {part} images is at most {part}: fewer images, lower "
            "scores",
            Caveat,
            stacklevel=2,
        )
    return checks.mean_over(inception_scores(sample_logits, splits=splits, seed=seed), "splits")


IS = Metric(
    "is",
    inception_score,
    "higher",
    "inception score",
    "Salimans et al. 2016, arXiv:1606.03498",
    kind="distribution",
    settings={"splits": 10, "seed": 2020},
    least={"samples": 20},
    range=(1.0, None),
    fooled_by=worse_with("noise", "blur", "dropped_modes"),
)


@takes_arrays
def inception_scores(logits: Tensor, *, splits: int = 10, seed: int = 2020) -> Tensor:
    """exp(E[KL(p(y|x) ‖ p(y))]) of each of `splits` parts of a set of images: float64 from 1 to
    the number of classes.

    Salimans et al. 2016, arXiv:1606.03498, section 4. `logits` n×classes, n at least twice the
    splits; the score is the mean of the parts'. The images are shuffled as torch-fidelity does
    with the same seed, for sets that are sorted by class.

    The spread of the parts says how exact their mean is, and nothing of its bias: a part scores
    lower than the whole, so that scores of different numbers of images do not compare.
    """
    logits = checks.matrix(logits, "logits", at_least=2 * splits)
    n = len(logits)
    order = torch.from_numpy(np.random.RandomState(seed).permutation(n)).to(logits.device)
    bounds = [i * n // splits for i in range(1, splits)]
    return torch.stack([exp_mean_kl(x) for x in torch.tensor_split(logits[order], bounds)])


def exp_mean_kl(logits: Tensor) -> Tensor:
    """exp(E[KL(p(y|x) ‖ p(y))]) of one set of images, float64 n×classes; as it is, unsplit."""
    log_p = logits.log_softmax(dim=1)
    p = log_p.exp()
    # A class that no image can have adds nothing: 0 · log 0 is 0.
    log_marginal = p.mean(dim=0).clamp(min=torch.finfo(p.dtype).tiny).log()
    return (p * (log_p - log_marginal)).sum(dim=1).mean().exp()
