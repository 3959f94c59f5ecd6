"""Whether a classifier tells samples from real images."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Caveat, Estimate, Metric
from harness.metrics.detection import placements

__all__ = ["ImageDetector", "detectability", "fit_detector"]

ITERATIONS = 1000
"""Steps at most, in which a regression has to converge."""


@dataclass(frozen=True)
class ImageDetector:
    """A linear detector of generated images: `direction` d float64."""

    direction: Tensor

    def scores(self, features: Tensor) -> Tensor:
        """Scores of images by their features n×d: n float64, higher for those that look more
        generated.
        """
        return features.double().cpu() @ self.direction


@takes_arrays
def fit_detector(real_features: Tensor, made_features: Tensor) -> ImageDetector:
    """A logistic regression of generated images against real ones, on standardised features n×d and
    m×d; both kinds weigh the same, whatever their numbers.

    Each feature gets mean 0 and variance 1 over all images; the L2 penalty is |w|²/2 beside the
    summed loss (scikit-learn's C = 1). Raises BadInput for fewer than two images of a kind.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    real, made = checks.feature_pair(real_features, made_features, at_least=2)
    features = torch.cat([real, made]).cpu().numpy()
    is_made = torch.arange(len(features)) >= len(real)
    scaler = StandardScaler().fit(features)
    regression = LogisticRegression(C=1.0, max_iter=ITERATIONS, class_weight="balanced")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the warning below says it
        regression.fit(scaler.transform(features), is_made.numpy())
    if int(regression.n_iter_.max()) >= ITERATIONS:
        warnings.warn(
            f"the detector has not converged in {ITERATIONS} iterations", Caveat, stacklevel=2
        )
    return ImageDetector(torch.from_numpy(regression.coef_[0] / scaler.scale_))


@takes_arrays
def detectability(
    sample_features: Tensor, train_features: Tensor, reference_features: Tensor, seed: int = 0
) -> Estimate:
    """How well a classifier of samples against training images tells other samples from test
    images: the area under its ROC curve, 0.5 where it cannot.

    A classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv:1610.06545) by `fit_detector`.
    Features m×d, n×d and h×d. It learns from one half of the samples, at random by `seed`, and as
    many training images, and is judged by the other half and the test images. Then the halves
    change places, and the value is the mean. The standard error over images does not include the
    uncertainty of the two classifiers. Raises BadInput for fewer than 4 samples.
    """
    samples, train = checks.feature_pair(sample_features, train_features, at_least=2)
    held_out, _ = checks.feature_pair(reference_features, train, at_least=2)
    if len(samples) < 4:
        raise BadInput(f"{len(samples)} samples are too few to learn from half of them; 4 will do")
    samples, train, held_out = samples.cpu(), train.cpu(), held_out.cpu()
    draws = torch.Generator().manual_seed(seed)
    halves = samples[torch.randperm(len(samples), generator=draws)].tensor_split(2)
    train = train[torch.randperm(len(train), generator=draws)]
    above, below = [], []
    for learnt, judged in (halves, halves[::-1]):
        detector = fit_detector(train[: len(learnt)], learnt)
        train = train.roll(-len(learnt), dims=0)  # other images for the other half
        of_samples, of_real = placements(detector.scores(judged), detector.scores(held_out))
        above.append(of_samples)
        below.append(of_real)
    by_sample, by_real = torch.cat(above), torch.stack(below).mean(dim=0)
    variance = float(by_sample.var()) / len(by_sample) + float(by_real.var()) / len(by_real)
    return Estimate(float(by_real.mean()), math.sqrt(variance), "images")


DETECTABILITY = Metric(
    "detectability",
    detectability,
    "nearer",
    "area under the ROC curve of a classifier of samples",
    "Lopez-Paz & Oquab 2017, arXiv:1610.06545",
    kind="distribution",
    ideal=0.5,
    settings={"classifier": "logistic regression", "C": 1, "halves": 2, "seed": 0},
    least={"samples": 4, "train": 2, "reference": 2},
    range=(0.0, 1.0),
    fooled_by={"noise": "higher", "blur": "higher", "dropped_modes": "higher"},
)
