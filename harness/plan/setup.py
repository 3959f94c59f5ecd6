"""The feature networks that a suite measures with: each must be at hand, and take the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.data.base import Dataset
from harness.evaluation.kinds import Role, roles
from harness.evaluation.protocols import Setup
from harness.extractors import EXTRACTORS, MissingWeights, load_extractor, load_perceptual
from harness.extractors.base import Network
from harness.metrics.base import Metric
from harness.spec.errors import BadInput
from harness.spec.reference import parse_reference
from harness.spec.suite import DatasetEntry, LoadedSuite
from harness.training.numerics import Numerics

LOADERS: Mapping[Role, Callable[[str, str], Network]] = {
    "extractor": load_extractor,
    "perceptual": load_perceptual,
}


def make_setup(
    loaded: LoadedSuite,
    entry: DatasetEntry,
    dataset: Dataset,
    metrics: Mapping[str, Metric],
    numerics: Numerics,
) -> Setup:
    """The feature networks that the entry's metrics need; each must be at hand and fit."""
    suite = loaded.suite
    names: dict[Role, str] = {
        "extractor": suite.extractor or dataset.about.extractor,
        "perceptual": suite.perceptual or dataset.about.perceptual,
    }
    needed = {role for name in suite.metrics_on(entry) for role in roles(metrics[name])}
    labels = {
        role: loaded.at((role,), _checked, role, names[role], dataset)
        for role in sorted(needed & names.keys())
    }
    samples = suite.samples or len(dataset.normal_test)
    return Setup(names, labels, samples, numerics.machine)


def _checked(role: Role, name: str, dataset: Dataset) -> tuple[str, str]:
    """Label and preprocessing of a feature network, once it is known to be usable.

    Where its weights are missing, the error names the classifier of the dataset, if there is one:
    that is part of the package.
    """
    try:
        network = LOADERS[role](name, "cpu")
    except MissingWeights as error:
        own = f"classifier:{parse_reference(dataset.name).name}"
        if own not in EXTRACTORS:
            raise
        raise BadInput(f"{error}; or measure with --{role} {own}") from error
    network.check(dataset.channels, dataset.size)
    return network.label, network.preprocessing
