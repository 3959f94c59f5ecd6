"""Which metrics are measured, and through which networks: those named, or those that fit.

What was named and cannot be is an error before any work. What nobody named gets a row that says why
it does not apply.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.config.reference import parse_reference
from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.data.composition import parse_prompt
from harness.data.imageset import ImageSet
from harness.evaluation.profiles import Profile
from harness.evaluation.protocols import (
    EvalConfig,
    NetworkInfo,
    check_distinct,
    limit,
    obstacle,
    unmet,
)
from harness.evaluation.specs import Role, extractor_roles, named_network, named_networks
from harness.extractors import default_detector
from harness.metrics import METRICS, load_metric
from harness.metrics.base import Metric
from harness.plan.setup import CAPTION_SCORER, CLIP, check_demands, load_checked
from harness.scoring.sets import Sets, header_subject, subject
from harness.scoring.variations import Variations

NATURAL: dict[Role, str] = {
    "extractor": "inception",
    "perceptual": "lpips:alex",
    "text": "clip",
    "clip": CLIP,
    "scorer": CAPTION_SCORER,
    "detector": "detector",
}
"""The usual feature networks, where no dataset says which suit its images."""

SETS, PAIRS = {"distribution", "modes", "memorisation", "text"}, {"reconstruction", "text"}
"""The kinds of metrics that are measured where none is named, as far as they apply."""


@dataclass(frozen=True)
class Selection:
    """The metrics to measure, and whether the user named them. `networks` are the names of the
    feature networks by role; `refused` has, by role, why a network that the user did not name
    cannot take the images.
    """

    metrics: tuple[Metric, ...]
    is_explicit: bool
    networks: dict[Role, str]
    refused: dict[Role, str] = field(default_factory=dict)

    def without_network(self, metric: Metric) -> str | None:
        """Why a network that the metric needs cannot take the images; None where all can."""
        roles = () if named_network(metric) else extractor_roles(metric)
        return next((self.refused[role] for role in roles if role in self.refused), None)

    def needed_roles(self, metrics: Sequence[Metric]) -> list[Role]:
        """The roles of the networks that these metrics need, unless they name one themselves, and
        that can take the images.
        """
        unnamed = [metric for metric in metrics if not named_network(metric)]
        roles = {role for metric in unnamed for role in extractor_roles(metric)}
        return sorted(roles - self.refused.keys())


def select(
    sets: Sets,
    metrics: Collection[str] | None,
    networks: Mapping[Role, str | None],
    definitions: Profile | Variations | None = None,
) -> Selection:
    """Select metrics and networks that fit the images by their headers: no pixel is read, and no
    weights are loaded.

    Raises BadInput for an unknown metric or network, and for a named one that cannot take the
    images: too few, too small, or of another kind.
    """
    selected = _chosen(sets, metrics, definitions)
    is_explicit = metrics is not None
    if is_explicit:
        for metric in selected:
            check_named(metric, _first_obstacle(metric, sets), sets)
        _check_prompts(selected, sets)
    fixed = definitions.fix(networks) if isinstance(definitions, Profile) else networks
    names = _network_names(sets, fixed)
    selection = Selection(tuple(selected), is_explicit, names)
    fitting = [metric for metric in selected if not _first_obstacle(metric, sets)]
    for role, name in _named(selected):
        check_demands(role, name, shape_of_sets(sets))
    for role in selection.needed_roles(fitting):
        try:
            check_demands(role, names[role], shape_of_sets(sets))
        except BadInput as error:
            if is_explicit or networks.get(role):
                raise
            selection.refused[role] = str(error)
    return selection


def check_named(metric: Metric, why_not: str | None, sets: Sets) -> None:
    """Raise BadInput with the reason why a named metric cannot be measured, where there is one."""
    if why_not is None:
        return
    described = ""
    if limit(metric, header_subject(sets)):
        described = "; ".join(
            f"{name}: {images.description}, {counted(len(images), 'image')}"
            for name, images in sets.by_role().items()
        )
    raise BadInput(f"{metric.name}: {why_not}" + f" ({described})" * bool(described))


def _check_prompts(metrics: Sequence[Metric], sets: Sets) -> None:
    """Raise BadInput for the first text that asks for no objects, where a metric judges these."""
    judged = [metric.name for metric in metrics if "detector" in extractor_roles(metric)]
    for name, text in zip(sets.samples.names, sets.texts or (), strict=False) if judged else ():
        try:
            parse_prompt(text)
        except BadInput as error:
            raise BadInput(f"{judged[0]}: {name}: {error}") from None


def scoring_eval_config(selection: Selection, sets: Sets, machine: str) -> EvalConfig:
    """How the metrics are measured, with the networks that they need loaded. Raises BadInput for
    weights that are missing and cannot be fetched.
    """
    fitting = [metric for metric in selection.metrics if not _first_obstacle(metric, sets)]
    instruments = {
        role: load_checked(role, selection.networks[role], shape_of_sets(sets))
        for role in selection.needed_roles(fitting)
    }
    named = {
        (role, name): load_checked(role, name, shape_of_sets(sets))
        for role, name in _named(fitting)
    }
    setup = EvalConfig(
        selection.networks, instruments, len(sets.samples), machine, sets.draws, named=named
    )
    check_distinct(fitting, setup, "these images")
    return setup


def _named(metrics: Sequence[Metric]) -> list[tuple[Role, str]]:
    """The networks that metrics name themselves, with their roles, each once."""
    return list(
        dict.fromkeys(pair for metric in metrics for pair in named_networks(metric).items())
    )


def with_loaded_extractor(setup: EvalConfig, sets: Sets) -> EvalConfig:
    """The setup with its extractor loaded, for what needs features beside the metrics."""
    extractor = load_checked("extractor", setup.names["extractor"], shape_of_sets(sets))
    instruments: dict[Role, NetworkInfo] = {**setup.instruments, "extractor": extractor}
    return replace(setup, instruments=instruments)


def why_not(selection: Selection, metric: Metric, sets: Sets, setup: EvalConfig) -> str | None:
    """Why a metric does not apply, now that pixels and networks are known."""
    seen = subject(sets, metric)
    return (
        unmet(metric, seen)
        or limit(metric, seen)
        or selection.without_network(metric)
        or obstacle(metric, seen, setup)
    )


def default_metrics(sets: Sets) -> list[Metric]:
    """The metrics that are measured where none is named: of pairs those of pairs, of sets those of
    distributions and others that apply. CMMD and what needs an object detector are not among them:
    they need networks of a gigabyte; nor are metrics that always take one network, such as sFID,
    and retired ones.
    """
    suitable = PAIRS if sets.paired else SETS
    return [
        metric
        for metric in METRICS.values()
        if metric.kind in suitable
        and not unmet(metric, header_subject(sets))
        and not extractor_roles(metric) & {"clip", "detector"}
        and not metric.network
        and not metric.retired
    ]


def shape_of_sets(sets: Sets) -> tuple[int, int, int]:
    """The shape C×H×W of every image."""
    _, channels, height, width = sets.samples.shape
    return channels, height, width


def _chosen(
    sets: Sets, names: Collection[str] | None, definitions: Profile | Variations | None
) -> list[Metric]:
    load = definitions.metric if definitions else load_metric
    if names is None:
        suitable = default_metrics(sets)
        if isinstance(definitions, Profile):
            return _of_profile(suitable, definitions)
        names = [metric.name for metric in suitable]
    if isinstance(definitions, Variations):
        definitions.check_used(names, sets.samples.shape[1])
    return [load(name) for name in dict.fromkeys(names)]


def _of_profile(suitable: Sequence[Metric], profile: Profile) -> list[Metric]:
    load = profile.metric
    selected = [load(metric.name) for metric in suitable if metric.name in profile.metrics]
    if not selected:
        raise BadInput(
            f"the metrics of the profile {profile.library} need more than the samples: "
            f"{', '.join(profile.metrics)}; see --reference and --pairs"
        )
    return selected


def default_extractor(images: ImageSet) -> str:
    """The feature network of the images' dataset; without a dataset the usual one."""
    return images.dataset.card.extractor if images.dataset else NATURAL["extractor"]


def _first_obstacle(metric: Metric, sets: Sets) -> str | None:
    seen = header_subject(sets)
    return unmet(metric, seen) or limit(metric, seen)


def _network_names(sets: Sets, networks: Mapping[Role, str | None]) -> dict[Role, str]:
    names = dict(NATURAL)
    if dataset := (sets.reference or sets.samples).dataset:
        card = dataset.card
        names |= {"extractor": card.extractor, "perceptual": card.perceptual}
        names |= {"text": card.text_image, "factors": card.factor_reader}
        names["detector"] = default_detector(parse_reference(dataset.name).name)
    return names | {role: name for role, name in networks.items() if name}
