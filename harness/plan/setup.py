"""The feature networks that a suite measures with: each must be at hand, and take the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.data.base import Dataset
from harness.evaluation.kinds import Role, roles
from harness.evaluation.protocols import Setup
from harness.extractors import load_extractor, load_perceptual, load_text_image
from harness.extractors.base import Network
from harness.metrics.base import Metric
from harness.spec.suite import DatasetEntry, LoadedSuite
from harness.training.numerics import Numerics

LOADERS: Mapping[Role, Callable[[str, str], Network]] = {
    "extractor": load_extractor,
    "perceptual": load_perceptual,
    "text": load_text_image,
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
        role: loaded.at((role,), checked, role, names[role], dataset.channels, dataset.size)
        for role in sorted(needed & names.keys())
    }
    samples = suite.samples or len(dataset.normal_test)
    return Setup(names, labels, samples, numerics.machine)


def checked(role: Role, name: str, channels: int, size: int) -> tuple[str, str]:
    """Label and preprocessing of a feature network, once it is known to be usable."""
    network = LOADERS[role](name, "cpu")
    network.check(channels, size)
    return network.label, network.preprocessing
