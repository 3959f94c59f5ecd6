"""Metrics: pure functions of tensors, and a record beside each of what it is and needs.

Every module of this package is looked through for records of metrics (`Metric`), and what its
`__all__` names is public here.
"""
# ruff: noqa: F403, F405, PLE0604 - each module says itself what of it is public

from dataclasses import replace
from importlib import import_module
from pkgutil import iter_modules
from typing import get_args

from harness.core.errors import BadInput
from harness.core.registry import Registry, instance_fault
from harness.metrics.adversary import *
from harness.metrics.base import *
from harness.metrics.base import Metric, MetricKind
from harness.metrics.bins import *
from harness.metrics.clip import *
from harness.metrics.cmmd import *
from harness.metrics.codebook import *
from harness.metrics.codes import *
from harness.metrics.dci import *
from harness.metrics.detectability import *
from harness.metrics.detection import *
from harness.metrics.disentanglement import *
from harness.metrics.extrapolation import *
from harness.metrics.factor_accuracy import *
from harness.metrics.factorvae import *
from harness.metrics.few_labels import *
from harness.metrics.frechet import *
from harness.metrics.gradients import *
from harness.metrics.inception_score import *
from harness.metrics.kernel import *
from harness.metrics.latent import *
from harness.metrics.likelihood import *
from harness.metrics.memorisation import *
from harness.metrics.modes import *
from harness.metrics.near_copies import *
from harness.metrics.neighbours import *
from harness.metrics.perceptual import *
from harness.metrics.preference import *
from harness.metrics.probes import *
from harness.metrics.rate import *
from harness.metrics.reconstruction import *
from harness.metrics.segmentation import *
from harness.metrics.sharpness import *
from harness.metrics.statistics import *
from harness.metrics.structural_similarity import *
from harness.metrics.translation import *
from harness.metrics.vendi import *

_READING_ORDER = tuple(
    """
    reconstruction structural_similarity perceptual conditional frechet extrapolation
    sample_size_bias kernel inception_score manifold sharpness cmmd vendi modes bins polygons
    symmetry probes disentanglement dci factorvae
""".split()
)
"""Of one kind, the metrics of these modules come first in tables, in this order."""


def _place(module: str) -> int:
    is_listed = module in _READING_ORDER
    return _READING_ORDER.index(module) if is_listed else len(_READING_ORDER)


_MODULES = [
    import_module(f"{__name__}.{name}")
    for name in sorted((module.name for module in iter_modules(__path__)), key=_place)
]
_RECORDS = [
    (metric, f"{module.__name__}:{attribute}")
    for kind in (*get_args(MetricKind), None)
    for module in _MODULES
    for attribute, metric in vars(module).items()
    if isinstance(metric, Metric) and metric.kind == kind
]

METRICS = {metric.name: metric for metric, _ in _RECORDS}
"""Every metric of the package by name, in the order in which tables show them: by kind."""

REGISTRY = Registry(
    "metric",
    "harness.metrics",
    {metric.name: place for metric, place in _RECORDS},
    instance_fault("a harness Metric", Metric),
)

_PUBLIC = {name: getattr(m, name) for m in _MODULES for name in getattr(m, "__all__", ())}
globals().update(_PUBLIC)
__all__ = ["METRICS", "REGISTRY", "load_metric", *_PUBLIC]


def load_metric(name: str) -> Metric:
    """The metric called `name`, built in, of an installed package, or `package.module:NAME`.

    It goes by that name in tables, whatever the metric calls itself. `NAME@VARIANT` is the metric
    NAME through that feature network, or of that anomaly score; whether it takes one,
    `harness.evaluation.specs` says.
    """
    base, at, variant = name.partition("@")
    metric: Metric = REGISTRY.load(base)
    if not at:
        return replace(metric, name=name)
    if not variant:
        raise BadInput(f"metric {name!r}: after @ comes a feature network, such as {base}@dinov2")
    return replace(metric, name=name, title=f"{metric.title} by {variant}")
