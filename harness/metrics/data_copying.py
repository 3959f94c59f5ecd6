"""C_T: are samples nearer to the training images than fresh images of their region are?"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric
from harness.metrics.detection import placements
from harness.metrics.memorisation import nearest_neighbours

__all__ = ["data_copying_score"]

CELLS = 3
"""Cells of the feature space, as in the public evaluations of C_T."""
COMPONENTS = 64
"""The number of principal components to which wider features are reduced."""
FEWEST = 20
"""A cell counts where it has more samples than this: τ of the paper, times their number."""

Cells = npt.NDArray[np.int32]


@takes_arrays
def data_copying_score(
    sample_features: Tensor, reference_features: Tensor, train_features: Tensor, seed: int = 0
) -> Estimate:
    """C_T of samples m×d, held-out images h×d and training images n×d: below 0 where samples are
    nearer to training images than held-out images are, above 0 where they are further away.

    Meehan et al. 2020, arXiv:2004.05675, section 3: the feature space is cut into cells π by
    k-means on the training images. In each, Z_U(π) is the Mann-Whitney statistic of the distances
    to the nearest training image of the cell, of samples against held-out images, less its mean
    and divided by its standard deviation under equal distributions. C_T = Σ P(π) Z_U(π) / Σ P(π),
    with P(π) the share of held-out images, over the cells with more than 20 samples. There are
    three cells, fewer where there are less than 40 samples for each; features of more than 64
    dimensions are projected on their first 64 principal components. Mid-ranks and the continuity
    correction follow the authors' code.

    In one cell, C_T of samples like the held-out images has mean 0 and standard deviation 1. The
    standard error is DeLong's, over samples and held-out images, for these cells and training
    images. Raises BadInput where no cell has 2 held-out images and more than 20 samples.
    """
    samples, held_out = checks.feature_pair(sample_features, reference_features, at_least=2)
    train, _ = checks.feature_pair(train_features, samples, at_least=2)
    train, held_out, samples = _principal_components(train, held_out, samples)
    count = max(1, min(CELLS, len(samples) // (2 * FEWEST), len(train)))
    of_train, of_held_out, of_samples = _cells(count, seed, train, held_out, samples)
    weights, scores, variances = [], [], []
    for cell in range(count):
        inside = samples[of_samples == cell], held_out[of_held_out == cell]
        if len(inside[0]) <= FEWEST or len(inside[1]) < 2:
            continue
        score, variance = _standardised_ranks(*inside, train[of_train == cell])
        weights.append(len(inside[1]))
        scores.append(score)
        variances.append(variance)
    if not weights:
        raise BadInput(
            f"no cell of the feature space has more than {FEWEST} of the {len(samples)} samples "
            f"and two of the {len(held_out)} held-out images"
        )
    shares = np.array(weights) / sum(weights)
    stderr = math.sqrt(float(shares**2 @ np.array(variances)))
    return Estimate(float(shares @ np.array(scores)), stderr, "images")


C_T = Metric(
    "c_t",
    data_copying_score,
    "nearer",
    "data-copying score C_T",
    "Meehan et al. 2020, arXiv:2004.05675",
    kind="memorisation",
    settings={"cells": CELLS, "components": COMPONENTS, "seed": 0},
    digits=2,
    ideal=0.0,
    least={"samples": FEWEST + 1, "reference": 2, "train": 2},
    fooled_by={"copies": "lower", "noise": "higher"},
)


def _principal_components(train: Tensor, *others: Tensor) -> list[Tensor]:
    """The sets less the mean of `train`, projected on the directions in which it varies most; as
    they are where they have no more features than `COMPONENTS`.
    """
    if train.shape[1] <= COMPONENTS:
        return [train, *others]
    mean = train.mean(dim=0)
    directions = torch.linalg.eigh((train - mean).T @ (train - mean)).eigenvectors
    return [(x - mean) @ directions[:, -COMPONENTS:] for x in (train, *others)]


def _cells(count: int, seed: int, train: Tensor, *others: Tensor) -> list[Cells]:
    """The cell of each image of `train` and of the other sets: the nearest mean of k-means."""
    from sklearn.cluster import KMeans

    arrays = [x.cpu().numpy() for x in (train, *others)]
    means = KMeans(count, n_init=10, random_state=seed).fit(arrays[0])
    return [means.predict(x) for x in arrays]


def _standardised_ranks(samples: Tensor, held_out: Tensor, train: Tensor) -> tuple[float, float]:
    """Z_U of one cell, and its variance over samples and held-out images."""
    m, n = len(samples), len(held_out)
    distances = [nearest_neighbours(x, train).distances[:, 0].cpu() for x in (samples, held_out)]
    above, below = placements(*distances)
    unit = m * n / math.sqrt(m * n * (m + n + 1) / 12)
    score = unit * (float(above.mean()) - 0.5 + 0.5 / (m * n))
    return score, unit**2 * (float(above.var()) / m + float(below.var()) / n)
