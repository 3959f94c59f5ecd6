"""FLD: how likely held-out images are under Gaussians at the samples, and how much less likely than
the training images that their widths were fitted to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric, worse_with

__all__ = ["feature_likelihood_divergence", "feature_likelihood_gap"]

MOST = 10_000
"""Images of each set at most, drawn at random: the number of samples in the paper."""
LEARNING_RATE, EPOCHS = 0.5, 50
STEADY = 5e-4
"""The fit ends where five losses in a row differ by less."""
NEAREST = 1e-3
"""Added to a squared distance before a width starts from it."""
WIDEST = 40.0
"""The logarithm of a variance stays between this and its negative."""
SHRINKAGE = 0.9
"""The factor of distances to the mean of the training images; see `FeatureMixture.fit`."""
BLOCK = 2**17
"""Values of one block of distances."""
SEED = 0
LEAST = {"samples": 2, "reference": 2, "train": 4}


@dataclass(frozen=True)
class FeatureMixture:
    """Isotropic Gaussians of equal weight: `centres` m×d and the logarithms of their variances m,
    float64.
    """

    centres: Tensor
    log_variances: Tensor

    @classmethod
    def fit(cls, centres: Tensor, images: Tensor) -> FeatureMixture:
        """Fit the variances to images n×d by the mean log-likelihood per dimension.

        The fit of the authors' code: each variance starts from the distance to the nearest image,
        and Adam takes at most 50 steps of 0.5 on the logarithms. While they are fitted, one more
        Gaussian of weight 1 lies at the images' mean, so that no image is infinitely unlikely.
        """
        blocks = squared_distances(images, centres)
        mean = images.mean(dim=0, keepdim=True)
        to_mean = SHRINKAGE**2 * (images - mean).square().sum(dim=1, keepdim=True)
        nearest = torch.stack([block.amin(dim=0) for block in blocks]).amin(dim=0).double()
        width = centres.shape[1]
        parameters = torch.cat([((nearest + NEAREST) / width).log(), nearest.new_zeros(1)])
        optimiser = torch.optim.Adam([parameters], lr=LEARNING_RATE)
        losses: list[float] = []
        for epoch in range(EPOCHS):
            loss, parameters.grad = _loss_and_gradient(blocks, to_mean, parameters, width)
            optimiser.step()
            parameters[:-1].clamp_(-WIDEST, WIDEST)
            losses.append(loss)
            if epoch > 5 and max(abs(loss - earlier) for earlier in losses[-5:]) < STEADY:
                break
        return cls(centres, parameters[:-1])

    def losses(self, images: Tensor) -> Tensor:
        """The negative log-likelihood of each image n×d, divided by d: n float64."""
        width = self.centres.shape[1]
        likelihoods = [
            _log_densities(block.double(), self.log_variances, width).logsumexp(dim=1)
            for block in squared_distances(images, self.centres)
        ]
        return (math.log(len(self.centres)) - torch.cat(likelihoods)) / width


def _log_densities(squares: Tensor, log_variances: Tensor, width: int) -> Tensor:
    """The logarithms of Gaussian densities in `width` dimensions, at squared distances n×m."""
    normaliser = width / 2 * (log_variances + math.log(2 * math.pi))
    return -squares * ((-log_variances).exp() / 2) - normaliser


def _loss_and_gradient(
    blocks: list[Tensor], to_mean: Tensor, parameters: Tensor, width: int
) -> tuple[float, Tensor]:
    """The mean negative log-likelihood per dimension, and its derivatives by the logarithms of the
    variances. The last variance belongs to the Gaussian at the mean.
    """
    n, m = len(to_mean), len(parameters) - 1
    precisions = (-parameters).exp()
    log_heights = -width / 2 * (parameters + math.log(2 * math.pi))
    log_heights[:-1] -= math.log(m)
    loss, start = 0.0, 0
    shares, moments = torch.zeros_like(parameters), torch.zeros_like(parameters)
    for block in blocks:
        # In place and in blocks that fit the cache: this is where all the time goes.
        squares = torch.cat([block.double(), to_mean[start : start + len(block)]], dim=1)
        start += len(block)
        terms = torch.addcmul(log_heights, squares, precisions, value=-0.5)
        largest = terms.amax(dim=1, keepdim=True)
        heights = terms.sub_(largest).exp_()
        totals = heights.sum(dim=1)
        loss -= float(totals.log().sum() + largest.sum())
        shares += totals.reciprocal() @ heights
        moments += totals.reciprocal() @ squares.mul_(heights)
    gradient = (width * shares - precisions * moments) / (2 * n * width)
    return loss / (n * width), gradient


def squared_distances(images: Tensor, centres: Tensor) -> list[Tensor]:
    """The squared distances of images n×d to centres m×d, float32, in blocks of images: of copies
    exactly 0.
    """
    of_centres = centres.square().sum(dim=1)
    blocks = []
    for rows in torch.split(images, max(1, BLOCK // len(centres))):
        norms = rows.square().sum(dim=1, keepdim=True) + of_centres
        squares = norms - 2 * rows @ centres.T
        i, j = (squares < 1e-9 * norms).nonzero(as_tuple=True)
        squares[i, j] = (rows[i] - centres[j]).square().sum(dim=1)
        blocks.append(squares.float())
    return blocks


@dataclass(frozen=True)
class FeatureSets:
    """Features of samples, test and training images, each scaled by the test images' mean and
    standard deviation: float64, of at most `MOST` images. Features that all test images share are
    left out.
    """

    samples: Tensor
    reference: Tensor
    train: Tensor

    @classmethod
    def of(cls, samples: Tensor, reference: Tensor, train: Tensor, seed: int) -> FeatureSets:
        """Raises BadInput where no feature varies."""
        samples, reference = checks.feature_pair(samples, reference, at_least=2)
        train, _ = checks.feature_pair(train, samples, at_least=4)
        mean, deviation = reference.mean(dim=0), reference.std(dim=0)
        varies = deviation > 0
        if not bool(varies.any()):
            raise BadInput("the features of all test images are the same")
        random = np.random.RandomState(seed)
        return cls(
            *(
                (_some(x, random)[:, varies] - mean[varies]) / deviation[varies]
                for x in (samples, reference, train)
            )
        )


def _some(x: Tensor, random: np.random.RandomState) -> Tensor:
    """At most `MOST` rows, in random order."""
    return x[torch.from_numpy(random.permutation(len(x))[:MOST]).to(x.device)]


@dataclass(frozen=True)
class _Losses:
    """Of test and training images under Gaussians at the samples, and the mean loss of the test
    images under Gaussians at half of the training images.
    """

    of_reference: Tensor
    of_train: Tensor
    baseline: float


def _fitted_losses(samples: Tensor, reference: Tensor, train: Tensor, seed: int) -> _Losses:
    sets = FeatureSets.of(samples, reference, train, seed)
    mixture = FeatureMixture.fit(sets.samples, sets.train)
    size = min(len(sets.samples), len(sets.train) // 2)
    of_real = FeatureMixture.fit(sets.train[:size], sets.train[size:])
    return _Losses(
        mixture.losses(sets.reference),
        mixture.losses(sets.train),
        float(of_real.losses(sets.reference).mean()),
    )


def _divergence(losses: _Losses) -> Estimate:
    return checks.mean_over(100 * (losses.of_reference - losses.baseline), "images")


def _gap(losses: _Losses) -> Estimate:
    sides = losses.of_train, losses.of_reference
    variance = sum(float(x.var()) / len(x) for x in sides)
    means = [float(x.mean()) for x in sides]
    return Estimate(100 * (means[0] - means[1]), 100 * math.sqrt(variance), "images")


@takes_arrays
def feature_likelihood_divergence(
    sample_features: Tensor, reference_features: Tensor, train_features: Tensor, seed: int = SEED
) -> Estimate:
    """FLD of samples s×d, test images m×d and training images n×d: 0 where samples do as well as
    training images, higher for worse, bounded on neither side.

    Jiralerspong et al. 2023, arXiv:2302.04440, section 3: −(100/d) log p(test images) − C, the mean
    over test images, with p the mixture of Gaussians at the samples whose widths are fitted to the
    training images (`FeatureMixture.fit`). A Gaussian at a copy becomes so narrow that test images
    are not in it. C is the same of half of the training images, as many as there are samples at
    most, fitted to the other half. Features are scaled by the test images' mean and standard
    deviation; of a set of more than 10,000 images as many are drawn from `seed`.

    The standard error is over test images, for these samples and training images. Raises BadInput
    for fewer than 4 training images and where no feature varies.
    """
    return _divergence(_fitted_losses(sample_features, reference_features, train_features, seed))


@takes_arrays
def feature_likelihood_gap(
    sample_features: Tensor, reference_features: Tensor, train_features: Tensor, seed: int = SEED
) -> Estimate:
    """The generalisation gap of FLD: that of the training images less that of the test images, by
    the mixture that `feature_likelihood_divergence` fits.

    Jiralerspong et al. 2023, arXiv:2302.04440, section 3. Negative: training images are the more
    likely ones, and the more so, the more samples are copies. Since widths are fitted to the
    training images it is somewhat below 0 for fresh samples as well. The standard error is over
    training and test images, for these samples.
    """
    return _gap(_fitted_losses(sample_features, reference_features, train_features, seed))


_remembered = lru_cache(maxsize=1)(_fitted_losses)
"""The last losses, kept because two metrics use them, as `harness.metrics.manifold` does."""


def _fld(sample_features: Tensor, reference_features: Tensor, train_features: Tensor) -> Estimate:
    return _divergence(_remembered(sample_features, reference_features, train_features, SEED))


def _fld_gap(
    sample_features: Tensor, reference_features: Tensor, train_features: Tensor
) -> Estimate:
    return _gap(_remembered(sample_features, reference_features, train_features, SEED))


PAPER = "Jiralerspong et al. 2023, arXiv:2302.04440"
FLD = Metric(
    "fld",
    _fld,
    "lower",
    "feature likelihood divergence",
    PAPER,
    kind="memorisation",
    settings={"images": MOST, "seed": SEED},
    digits=2,
    least=LEAST,
    fooled_by=worse_with("noise", "blur", "dropped_modes", "copies"),
)
FLD_GAP = Metric(
    "fld_gap",
    _fld_gap,
    "nearer",
    "generalisation gap of the feature likelihood",
    PAPER,
    kind="memorisation",
    settings={"images": MOST, "seed": SEED},
    digits=2,
    ideal="held-out",
    least=LEAST,
    fooled_by={"copies": "lower"},
)
