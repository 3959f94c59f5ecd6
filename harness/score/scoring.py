"""Metrics of sets of images: all that can be wrong is found out first, then they are measured."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from harness.evaluation.evidence import Evidence
from harness.evaluation.kinds import Need, Role, roles
from harness.evaluation.measure import measured, read
from harness.evaluation.profiles import Profile
from harness.evaluation.protocols import Instrument, Setup, draws, obstacle
from harness.metrics import load_metric
from harness.metrics.base import Metric
from harness.metrics.catalogue import KINDS
from harness.plan.cells import Wanted, ask
from harness.plan.samples import samples_key
from harness.plan.setup import CLIP, checked
from harness.score.sets import Sets, subject
from harness.spec.errors import BadInput
from harness.spec.measurement import Measurement
from harness.training.numerics import Numerics

NATURAL: dict[Role, str] = {
    "extractor": "inception",
    "perceptual": "lpips:alex",
    "text": "clip",
    "clip": CLIP,
}
"""The usual feature networks, where no dataset says which suit its images."""

SETS, PAIRS = {"distribution", "modes", "memorisation", "text"}, {"reconstruction", "text"}
"""The kinds of metrics that are measured where none is named, as far as they apply."""

ENOUGH = 1000
"""No metric asks for more images than this; see `_check_counts`."""

MADE_UP: dict[str, Need] = {
    "sample_features": "samples",
    "sample_logits": "samples",
    "reference_features": "reference",
    "reference_logits": "reference",
    "train_features": "train",
}


@dataclass(frozen=True)
class Scoring:
    """Metrics that can be measured of sets of images, and how."""

    sets: Sets
    setup: Setup
    wanted: tuple[Wanted, ...]
    metrics: Mapping[str, Metric]
    numerics: Numerics

    def evidence(self) -> Evidence:
        """What the metrics look at, each kind computed when it is first asked for."""
        self.numerics.apply()
        return Evidence(self.sets.evidence(), self.setup, device=self.numerics.device)


def make_scoring(
    sets: Sets,
    metrics: Sequence[str] | None,
    networks: Mapping[Role, str | None],
    numerics: Numerics,
    profile: Profile | None = None,
) -> Scoring:
    """Everything is looked up and checked; no image has passed through a network yet.

    Without `metrics`, those are taken that suit the sets; without a name in `networks`, the feature
    network that suits the reference; with a `profile`, both are those of its library. Raises
    BadInput for an unknown metric or network, a network that is not at hand or cannot take the
    images, and too few images.
    """
    if profile:
        networks = profile.fix(networks)
    chosen = _chosen(sets, metrics, profile)
    seen = [(metric, subject(sets, metric)) for metric in chosen]
    applicable = [metric for metric, what in seen if not obstacle(metric, what, Setup({}))]
    for metric in applicable:
        _check_counts(metric, sets)
    setup = _setup(sets, applicable, networks, numerics)
    key = samples_key(sets.samples.digest, *(other.digest for other in sets.further))
    wanted = [asked.of(key) for metric, what in seen for asked in ask([metric], what, setup, {})]
    return Scoring(sets, setup, tuple(wanted), {m.name: m for m in chosen}, numerics)


def with_extractor(scoring: Scoring) -> Scoring:
    """The scoring with its extractor checked and at hand, for what asks for features beside the
    metrics. Raises as `make_scoring`.
    """
    setup = scoring.setup
    extractor = _instrument("extractor", setup.names["extractor"], scoring.sets)
    instruments: dict[Role, Instrument] = {**setup.instruments, "extractor": extractor}
    return replace(scoring, setup=replace(setup, instruments=instruments))


def score(scoring: Scoring, evidence: Evidence | None = None) -> Iterator[Measurement]:
    """A row for each metric, as soon as it is there. One that fails does not keep the others.
    `evidence` is the scoring's, where something else is computed from it too.
    """
    evidence = evidence or scoring.evidence()
    others = [
        evidence.redrawn(number, {"samples": images.images})
        for number, images in enumerate(scoring.sets.further, start=1)
    ]
    for wanted in scoring.wanted:
        if wanted.obstacle:
            yield wanted.without("not applicable", "")
        else:
            metric = scoring.metrics[wanted.metric]
            drawn = others if draws(metric, scoring.setup) > 1 else []
            said = [read(metric, other) for other in drawn]
            yield measured(metric, wanted.protocol, wanted.key, evidence, said)


def _chosen(sets: Sets, names: Collection[str] | None, profile: Profile | None) -> list[Metric]:
    load = profile.metric if profile else load_metric
    if names is not None:
        return [load(name) for name in dict.fromkeys(names)]
    suitable = default_metrics(sets)
    if not profile:
        return suitable
    chosen = [load(metric.name) for metric in suitable if metric.name in profile.metrics]
    if not chosen:
        raise BadInput(
            f"the profile {profile.library} has metrics that need more than is given: "
            f"{', '.join(profile.metrics)}; see --reference and --pairs"
        )
    return chosen


def default_metrics(sets: Sets) -> list[Metric]:
    """Of pairs the metrics of pairs; of sets those of distributions, and what else applies. CMMD
    must be asked for: it needs another network, of a gigabyte.
    """
    suitable = PAIRS if sets.paired else SETS
    kinds = [kind for kind in KINDS if kind.__name__.rpartition(".")[2] in suitable]
    metrics = [metric for kind in kinds for metric in kind.METRICS]
    return [
        metric
        for metric in metrics
        if not obstacle(metric, subject(sets, metric), Setup({})) and "clip" not in roles(metric)
    ]


def _setup(
    sets: Sets,
    metrics: Sequence[Metric],
    networks: Mapping[Role, str | None],
    numerics: Numerics,
) -> Setup:
    names = dict(NATURAL)
    if dataset := (sets.reference or sets.samples).dataset:
        about = dataset.about
        names |= {"extractor": about.extractor, "perceptual": about.perceptual}
    names |= {role: name for role, name in networks.items() if name}
    needed = sorted({role for metric in metrics for role in roles(metric)})
    instruments = {role: _instrument(role, names[role], sets) for role in needed}
    return Setup(names, instruments, len(sets.samples), numerics.machine, sets.draws)


def _instrument(role: Role, name: str, sets: Sets) -> Instrument:
    channels, *size = sets.samples.images.shape[1:]
    return checked(role, name, channels, min(size))


def _check_counts(metric: Metric, sets: Sets) -> None:
    """Raise BadInput where the metric needs more images than there are.

    How many it needs, only the metric knows. So it is tried on random features of as many images,
    before a network spends time on the real ones. Sets larger than `ENOUGH` are not tried in full.
    """
    counts = {name: len(images) for name, images in sets.named().items()}
    if set(metric.needs) - MADE_UP.keys() or min(counts.values()) >= ENOUGH:
        return
    draws = torch.Generator().manual_seed(0)
    made_up = {
        name: torch.randn(min(counts[MADE_UP[name]], ENOUGH), 8, generator=draws)
        for name in metric.needs
    }
    if reason := _refusal(metric, made_up):
        described = "; ".join(
            f"{name}: {images.description}, {len(images):,} images"
            for name, images in sets.named().items()
        )
        raise BadInput(f"{metric.name}: {reason} ({described})")


def _refusal(metric: Metric, evidence: dict[str, Tensor]) -> str | None:
    """Why the metric does not take such evidence; what else goes wrong, its row will tell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            metric.compute(**evidence)
        except BadInput as error:
            return str(error)
        except Exception:
            return None
    return None
