"""What a model does with its latent space: which units it uses, how smoothly it decodes, and in
which directions.
"""

from __future__ import annotations

import math

import torch
from scipy.linalg import subspace_angles
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

__all__ = ["active_units", "latent_path_length", "principal_angle"]


@takes_arrays
def active_units(posterior_means: Tensor, delta: float = 0.01) -> Estimate:
    """The number of latent dimensions whose posterior mean varies between images: 0 to d.

    Burda et al. 2016, arXiv:1509.00519: unit u is active if Var_x(E[u | x]) > `delta`.
    `posterior_means` n×d floats, on the scale of a prior of variance 1.
    """
    means = checks.matrix(posterior_means, "posterior means", at_least=2)
    return Estimate(float((means.var(dim=0) > delta).sum()))


ACTIVE_UNITS = Metric(
    "active_units",
    active_units,
    "higher",
    "active units",
    "Burda et al. 2016, arXiv:1509.00519",
    kind="representation",
    digits=0,
    settings={"delta": 0.01},
    range=(0.0, None),
    counts=True,
)


@takes_arrays
def latent_path_length(path_distances: Tensor) -> Estimate:
    """The mean of `path_distances`, n floats of at least 0: how fast images change along a path.

    Karras et al. 2019, arXiv:1812.04948, section 4.1: the expectation of d(G(z(t)), G(z(t + ε)))/ε²
    over paths between two codes of the prior and places t on them, d a squared perceptual
    distance. A path gives one value, and all of them count: the paper's code and torch-fidelity
    leave out the lowest and the highest hundredth.
    """
    distances = checks.vector(path_distances, "path distances")
    if not bool(torch.all(distances >= 0)):
        raise BadInput(f"a path distance is {float(distances.min()):g}; none can be below 0")
    return checks.mean_over(distances, "images")


LATENT_PATH_LENGTH = Metric(
    "latent_path_length",
    latent_path_length,
    "lower",
    "latent path length",
    "Karras et al. 2019, arXiv:1812.04948",
    kind="representation",
    scale="log",
    digits=1,
)


@takes_arrays
def principal_angle(train_images: Tensor, decoder_directions: Tensor) -> Estimate:
    """The largest principal angle, 0 to 90 degrees, between the span of `decoder_directions`, d×D
    floats, and the span of the first d principal components of `train_images`, N×C×S×S uint8 with
    C·S·S = D values an image (Baldi & Hornik 1989, doi:10.1016/0893-6080(89)90014-2).

    Where directions do not span d dimensions, as where units are unused, the angle is 90.
    BadInput where there are no more images than directions.
    """
    checks.images(train_images)
    directions = checks.matrix(decoder_directions, "decoder directions", at_least=1)
    count = len(directions)
    if len(train_images) <= count:
        raise BadInput(f"{count} components need more than {len(train_images)} images")
    if int(torch.linalg.matrix_rank(directions)) < count:
        return Estimate(90.0)
    values = train_images.flatten(1).double()
    _, vectors = torch.linalg.eigh(torch.cov(values.T))
    angles = subspace_angles(vectors[:, -count:].numpy(), directions.T.numpy())
    return Estimate(math.degrees(float(angles.max())))


PRINCIPAL_ANGLE = Metric(
    "principal_angle",
    principal_angle,
    "lower",
    "largest angle to the principal components",
    "Baldi & Hornik 1989, doi:10.1016/0893-6080(89)90014-2",
    kind="representation",
    unit="°",
    digits=1,
    range=(0.0, 90.0),
)
