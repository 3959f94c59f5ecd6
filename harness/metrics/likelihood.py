"""How probable a model finds images: densities on dequantised pixels, and bits per dimension."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics import checks
from harness.metrics.arrays import takes_arrays
from harness.metrics.base import Estimate, Metric

__all__ = ["bits_per_dimension", "dequantise"]

STEPS = 127.5
"""Grey levels in one unit of [-1, 1]: pixel u of 0 to 255 is at u / 127.5 − 1."""

IMPORTANCE_SAMPLES = 50
"""Codes per image of the importance-weighted bound."""

MANY_SAMPLES = 5000
MANY_SAMPLES_IMAGES = 1000
"""Codes per image of the tighter bound, and the number of test images, the first ones."""

ODE_TOLERANCE = 1e-4
"""Relative and absolute tolerance of the solver of a flow's differential equation."""

ODE_IMAGES = 100
"""Test images whose density under a flow is computed."""


@takes_arrays
def dequantise(images: Tensor, generator: torch.Generator) -> Tensor:
    """uint8 N×C×H×W → float32: each value at a random place of the interval that rounds to it.

    (u + U[0, 1) − ½) / 127.5 − 1, so that values lie within ½ / 127.5 of where models are trained.
    The noise is the generator's. The mean log density of such images is at most the log
    probability of the 8-bit image plus C·H·W·log 127.5 (Theis et al. 2016, arXiv:1511.01844).
    Without the noise a model can raise its density without bound by putting narrow
    peaks on the grid of 8-bit values.
    """
    if images.dtype != torch.uint8 or images.ndim != 4 or images.numel() == 0:
        form = f"{images.dtype} of shape {tuple(images.shape)}"
        raise BadInput(f"images are {form}; uint8 N×C×H×W is needed")
    noise = torch.rand(images.shape, generator=generator, device=generator.device)
    return (images + noise.to(images.device) - 0.5) / STEPS - 1


@takes_arrays
def bits_per_dimension(nats: Tensor, values: int) -> Tensor:
    """Bits per 8-bit value from log densities of dequantised images: n float64.

    −nats / (values · log 2) + log₂ 127.5. `nats` n floats, log densities (or lower bounds of them)
    over pixels on [-1, 1], on which a grey level is 1 / 127.5 wide; `values` is C·H·W. For
    dequantised images and a lower bound, an upper bound in expectation on the bits that a lossless
    code of the 8-bit image needs. 8 is what a uniform distribution needs.
    """
    nats = checks.vector(nats, "log likelihoods")
    if values < 1:
        raise BadInput(f"an image of {values} values has no bits per dimension")
    return math.log2(STEPS) - nats / (values * math.log(2))


def _elbo(elbo_nats: Tensor) -> Estimate:
    return checks.mean_over(checks.vector(elbo_nats, "evidence lower bounds"), "images")


def _importance_bound(importance_bound_nats: Tensor) -> Estimate:
    bounds = checks.vector(importance_bound_nats, "importance-weighted bounds")
    return checks.mean_over(bounds, "images")


def _importance_bound_of_many(many_importance_nats: Tensor) -> Estimate:
    return _importance_bound(many_importance_nats)


def _importance_gain(importance_bound_nats: Tensor, elbo_nats: Tensor) -> Estimate:
    tight = checks.vector(importance_bound_nats, "importance-weighted bounds")
    loose = checks.vector(elbo_nats, "evidence lower bounds")
    return checks.mean_over(tight - loose, "images")


def _importance_gap(log_densities: Tensor, importance_bound_nats: Tensor) -> Estimate:
    densities = checks.vector(log_densities, "log densities")
    bounds = checks.vector(importance_bound_nats, "importance-weighted bounds")
    return checks.mean_over(densities - bounds, "images")


def _ode_likelihood(ode_nats: Tensor) -> Estimate:
    densities = checks.matrix(ode_nats, "log densities by two tolerances", at_least=1)
    return checks.mean_over(densities[:, 0].contiguous(), "images")


def _ode_solver_error(ode_nats: Tensor) -> Estimate:
    densities = checks.matrix(ode_nats, "log densities by two tolerances", at_least=1)
    return checks.mean_over((densities[:, 0] - densities[:, 1]).abs(), "images")


def _bits_per_dim(elbo_nats: Tensor, image_values: int) -> Estimate:
    return checks.mean_over(bits_per_dimension(elbo_nats, image_values), "images")


def _elbo_gap(log_densities: Tensor, elbo_nats: Tensor) -> Estimate:
    densities = checks.vector(log_densities, "log densities")
    bounds = checks.vector(elbo_nats, "evidence lower bounds")
    return checks.mean_over(densities - bounds, "images")


ELBO = Metric(
    "elbo",
    _elbo,
    "higher",
    "evidence lower bound",
    "Kingma & Welling 2014, arXiv:1312.6114",
    kind="likelihood",
    unit="nats",
    digits=1,
    settings={"noise": "uniform"},
)
IMPORTANCE_BOUND = Metric(
    "importance_bound",
    _importance_bound,
    "higher",
    "importance-weighted bound",
    "Burda et al. 2016, arXiv:1509.00519",
    kind="likelihood",
    unit="nats",
    digits=1,
    settings={"noise": "uniform", "samples": IMPORTANCE_SAMPLES},
)
BITS_PER_DIM = Metric(
    "bits_per_dim",
    _bits_per_dim,
    "lower",
    "bits per dimension",
    "Theis et al. 2016, arXiv:1511.01844",
    kind="likelihood",
    unit="bits",
    settings={"noise": "uniform", "bound": "elbo"},
    of_pixels=True,
)
ELBO_GAP = Metric(
    "elbo_gap",
    _elbo_gap,
    "lower",
    "gap between the true log density and the bound",
    "Kingma & Welling 2014, arXiv:1312.6114",
    kind="likelihood",
    unit="nats",
    digits=2,
)
IMPORTANCE_BOUND_5000 = Metric(
    "importance_bound_5000",
    _importance_bound_of_many,
    "higher",
    "importance-weighted bound of 5,000 codes",
    "Burda et al. 2016, arXiv:1509.00519",
    kind="likelihood",
    unit="nats",
    digits=1,
    settings={"noise": "uniform", "samples": MANY_SAMPLES, "images": MANY_SAMPLES_IMAGES},
)
IMPORTANCE_GAIN = Metric(
    "importance_gain",
    _importance_gain,
    "neither",
    "importance-weighted bound above the ELBO",
    "Burda et al. 2016, arXiv:1509.00519",
    kind="likelihood",
    unit="nats",
    digits=2,
    settings={"noise": "uniform", "samples": IMPORTANCE_SAMPLES},
)
IMPORTANCE_GAP = Metric(
    "importance_gap",
    _importance_gap,
    "lower",
    "gap between the true log density and the importance-weighted bound",
    "Burda et al. 2016, arXiv:1509.00519",
    kind="likelihood",
    unit="nats",
    digits=2,
    settings={"samples": IMPORTANCE_SAMPLES},
)
ODE_LIKELIHOOD = Metric(
    "ode_likelihood",
    _ode_likelihood,
    "higher",
    "log density under the probability flow",
    "Song et al. 2021, arXiv:2011.13456",
    kind="likelihood",
    unit="nats",
    digits=1,
    settings={"noise": "uniform", "solver": "RK45", "tolerance": ODE_TOLERANCE},
)
ODE_SOLVER_ERROR = Metric(
    "ode_solver_error",
    _ode_solver_error,
    "lower",
    "error of the probability flow's solver",
    "Song et al. 2021, arXiv:2011.13456",
    kind="likelihood",
    unit="nats",
    scale="log",
    settings={"noise": "uniform", "solver": "RK45", "tolerance": ODE_TOLERANCE},
    range=(0.0, None),
)
