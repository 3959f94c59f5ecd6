"""The feature networks that a suite measures with: each must be at hand, and take the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from harness.config.reference import parse_reference
from harness.config.suite import DatasetEntry, LoadedSuite, Suite
from harness.core.errors import BadInput
from harness.data.base import Dataset
from harness.evaluation.profiles import load_profile
from harness.evaluation.protocols import EvalConfig, NetworkInfo, check_distinct
from harness.evaluation.specs import (
    Role,
    extractor_roles,
    metric_needs,
    named_network,
    named_networks,
)
from harness.extractors import (
    EXTRACTORS,
    MissingWeights,
    caption_scorer_source,
    default_detector,
    extractor_source,
    factor_reader_source,
    object_detector_source,
    perceptual_source,
    text_image_source,
)
from harness.extractors.base import Network, each_side
from harness.extractors.source import ExtractorSource
from harness.metrics.base import Metric
from harness.networks.classifier_weights import classifier_of
from harness.safety.filters import filter_label
from harness.training.numerics import Numerics

CLIP = "clip:openai/clip-vit-large-patch14-336"
"""The network of Jayasumana et al. 2024, arXiv:2401.09603."""

CAPTION_SCORER = "pick-score"
"""The caption scorer of metrics that name none."""

SOURCES: Mapping[Role, Callable[[str], ExtractorSource[Any]]] = {
    "extractor": extractor_source,
    "perceptual": perceptual_source,
    "text": text_image_source,
    "clip": extractor_source,
    "factors": factor_reader_source,
    "scorer": caption_scorer_source,
    "detector": object_detector_source,
}

OPTIONS: tuple[Role, ...] = ("extractor", "perceptual")
"""The roles for which a command can name another network."""


def suite_networks(suite: Suite) -> dict[Role, str | None]:
    """The feature networks that a suite names, or its profile; BadInput where these are not one."""
    named: dict[Role, str | None] = {"extractor": suite.extractor, "perceptual": suite.perceptual}
    return load_profile(suite.profile).fix(named) if suite.profile else named


def suite_eval_config(
    loaded: LoadedSuite,
    entry: DatasetEntry,
    dataset: Dataset,
    metrics: Mapping[str, Metric],
    numerics: Numerics,
) -> EvalConfig:
    """The feature networks that the entry's metrics need; each must be at hand and fit. Raises
    BadInput, with the file and line of what names a network.
    """
    suite = loaded.suite
    card, of_suite = dataset.card, suite_networks(suite)
    names: dict[Role, str] = {
        "extractor": of_suite["extractor"] or card.extractor,
        "perceptual": of_suite["perceptual"] or card.perceptual,
        "clip": CLIP,
    }
    if dataset.test.texts:
        names |= {"text": card.text_image, "scorer": CAPTION_SCORER}
        names["detector"] = default_detector(parse_reference(dataset.name).name)
    if card.factor_reader:
        names["factors"] = card.factor_reader
    entry_metrics = [metrics[name] for name in suite.metrics_on(entry)]
    if not dataset.has_pixels:
        entry_metrics = [m for m in entry_metrics if "pixels" not in metric_needs(m)]
    needed = {
        role
        for metric in entry_metrics
        if not named_network(metric)
        for role in extractor_roles(metric)
    }
    # A profile has its own networks: there is no other to propose.
    find = _for_images if suite.profile else _of_dataset
    instruments = {
        role: loaded.at((role,), find, role, names[role], dataset)
        for role in sorted(needed & names.keys())
    }
    named = {
        (role, name): loaded.at(("metrics", metric.name), _for_images, role, name, dataset)
        for metric in entry_metrics
        for role, name in named_networks(metric).items()
        if role in names
    }
    samples = suite.samples_on(entry) or len(dataset.normal_test)
    setup = EvalConfig(
        names, instruments, samples, numerics.machine, suite.draws, suite.profile, dataset.frames,
        filter_label(suite.safety_filter) if suite.safety_filter else "", named,
    )  # fmt: skip
    loaded.at(("metrics",), check_distinct, entry_metrics, setup, dataset.name)
    return setup


def check_named_networks(metric: Metric) -> None:
    """Raise BadInput where the metric's name asks for a network that does not exist, or where the
    metric takes none.
    """
    for role, name in named_networks(metric).items():
        try:
            SOURCES[role](name)
        except BadInput as error:
            raise BadInput(f"metric {metric.name!r}: {error}") from error


def _of_dataset(role: Role, name: str, dataset: Dataset) -> NetworkInfo:
    """As `load_checked`, for a dataset's images. Where weights are missing, the error names the
    classifier of the dataset, if there is one: that is part of the package.
    """
    try:
        return _for_images(role, name, dataset)
    except MissingWeights as error:
        reference = parse_reference(dataset.name)
        in_domain = classifier_of(reference.name, reference.options.get("size"))
        if in_domain not in EXTRACTORS or role not in OPTIONS:
            raise
        raise BadInput(f"{error}; or measure with --{role} {in_domain}") from error


def _for_images(role: Role, name: str, dataset: Dataset) -> NetworkInfo:
    """As `load_checked`, for a dataset's images."""
    shape = dataset.colours, dataset.size, dataset.size
    return load_checked(role, name, shape, dataset.has_pixels)


def load_checked(
    role: Role, name: str, shape: tuple[int, int, int], of_pixels: bool = True
) -> NetworkInfo:
    """A feature network, once it is known to be usable on images of this C×H×W."""
    if of_pixels:
        check_demands(role, name, shape)
    network: Network = SOURCES[role](name).load(name, "cpu")
    if not of_pixels and not network.takes_numbers:
        raise BadInput(f"{name} takes images of 8-bit pixels, not real numbers; take identity")
    network.check_shape(*shape)
    return NetworkInfo.of(network)


def check_demands(role: Role, name: str, shape: tuple[int, int, int]) -> None:
    """Raise BadInput where the network is unknown, or is known not to take images of this C×H×W;
    its weights are not looked for.
    """
    if fits := SOURCES[role](name).fits:
        each_side(partial(fits, name), *shape)
