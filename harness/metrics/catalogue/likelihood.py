"""How probable a model finds the test images: pixels are dequantised (`metrics.likelihood`)."""

from __future__ import annotations

from torch import Tensor

from harness.metrics import checks, likelihood
from harness.metrics.base import Estimate, Metric

IMPORTANCE_SAMPLES = 50
"""Codes per image of the importance-weighted bound."""


def _elbo(elbo_nats: Tensor) -> Estimate:
    return checks.mean_over(checks.vector(elbo_nats, "evidence lower bounds"), "images")


def _importance_bound(importance_bound_nats: Tensor) -> Estimate:
    bounds = checks.vector(importance_bound_nats, "importance-weighted bounds")
    return checks.mean_over(bounds, "images")


def _bits_per_dim(elbo_nats: Tensor, image_values: int) -> Estimate:
    return checks.mean_over(likelihood.bits_per_dimension(elbo_nats, image_values), "images")


def _elbo_gap(log_densities: Tensor, elbo_nats: Tensor) -> Estimate:
    densities = checks.vector(log_densities, "log densities")
    bounds = checks.vector(elbo_nats, "evidence lower bounds")
    return checks.mean_over(densities - bounds, "images")


ELBO = Metric(
    "elbo", _elbo, "higher", "evidence lower bound", "Kingma & Welling 2014, arXiv:1312.6114",
    unit="nats", digits=1, settings={"noise": "uniform"},
)  # fmt: skip
IMPORTANCE_BOUND = Metric(
    "importance_bound", _importance_bound, "higher", "importance-weighted bound",
    "Burda et al. 2016, arXiv:1509.00519",
    unit="nats", digits=1, settings={"noise": "uniform", "samples": IMPORTANCE_SAMPLES},
)  # fmt: skip
BITS_PER_DIM = Metric(
    "bits_per_dim", _bits_per_dim, "lower", "bits per dimension",
    "Theis et al. 2016, arXiv:1511.01844",
    unit="bits", settings={"noise": "uniform", "bound": "elbo"}, of_pixels=True,
)  # fmt: skip

ELBO_GAP = Metric(
    "elbo_gap", _elbo_gap, "lower", "gap between the true log density and the bound",
    "Kingma & Welling 2014, arXiv:1312.6114", unit="nats", digits=2,
)  # fmt: skip

METRICS = (ELBO, IMPORTANCE_BOUND, BITS_PER_DIM, ELBO_GAP)
