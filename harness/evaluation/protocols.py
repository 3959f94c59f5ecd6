"""The protocol of each number, known before anything is computed: it is half of a number's key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.config.reference import parse_reference
from harness.core.errors import BadInput
from harness.core.protocol import Protocol
from harness.evaluation.requirements import REQUIREMENTS, Need, Part
from harness.evaluation.specs import (
    Role,
    evidence_specs,
    is_drawn,
    is_framewise,
    metric_needs,
    named_network,
    named_score,
)
from harness.evaluation.subject import Subject
from harness.extractors.base import Extractor, Network
from harness.metrics.base import Metric
from harness.networks.classifier_weights import classifier_of

SAMPLING_BATCH = 100
"""Images drawn from a model at a time. Part of a model's samples, since each batch takes its own
share of the generator's stream."""

TIMING_BATCH = 64
TIMING_REPEATS = 3
"""Sampling, encoding and decoding are timed on this many batches of that many images, after one
that is not counted."""
BATCH_TIMES = frozenset(f"{job}_seconds_per_image" for job in ("sampling", "encoding", "decoding"))
"""The evidence that is timed so."""


@dataclass(frozen=True)
class NetworkInfo:
    """A feature network as far as numbers depend on it, and whether it tells classes apart."""

    label: str
    preprocessing: str
    has_logits: bool = False
    caveat: str | None = None

    @classmethod
    def of(cls, network: Network) -> NetworkInfo:
        """What a network says of itself."""
        has_logits = isinstance(network, Extractor) and network.has_logits
        return cls(network.label, network.preprocessing, has_logits, network.caveat)


@dataclass(frozen=True)
class EvalConfig:
    """How a suite measures its cells: the feature networks by role, and what is known of those
    that are needed; how many images are sampled, and how many times; the machine that timings are
    of; the profile that metrics are of, if they are those of a library.
    """

    names: dict[Role, str]
    instruments: dict[Role, NetworkInfo] = field(default_factory=dict)
    samples: int = 0
    machine: str = ""
    draws: int = 1
    profile: str = ""
    frames: int = 1
    """Of a video; 1 for images."""
    safety_filter: str = ""
    """The label of the function that sees samples first; empty where there is none."""
    named: dict[tuple[Role, str], NetworkInfo] = field(default_factory=dict)
    """Further networks, which metrics name themselves (`fid@dinov2`), by role and name."""

    def networks(self) -> dict[tuple[Role, str], NetworkInfo]:
        """All networks that are needed, by role and name."""
        return {
            (role, self.names[role]): info for role, info in self.instruments.items()
        } | self.named


def draw_count(metric: Metric, setup: EvalConfig) -> int:
    """How many draws of samples the metric is averaged over; 1 where it looks at no samples."""
    return setup.draws if any(is_drawn(kind) for kind in evidence_specs(metric)) else 1


def network_info(metric: Metric, setup: EvalConfig) -> NetworkInfo | None:
    """The feature network that the metric needs, if it needs one."""
    role = next((kind.role for kind in evidence_specs(metric) if kind.role), None)
    if role and (named := named_network(metric)):
        return setup.named.get((role, named))
    return setup.instruments.get(role) if role else None


def check_distinct(metrics: Iterable[Metric], setup: EvalConfig, data: str) -> None:
    """Raise BadInput where two of the metrics are one number on `data`: `fid` and `fid@inception`
    where inception is the extractor anyway.
    """
    first: dict[tuple[str, ...], Metric] = {}
    for metric in metrics:
        used = network_info(metric, setup)
        label = used.label if used else ""
        other = first.setdefault((metric.base_name, label, named_score(metric)), metric)
        if other is not metric:
            raise BadInput(f"{other.name} and {metric.name} are one number on {data}, by {label}")


def obstacle(metric: Metric, subject: Subject, setup: EvalConfig) -> str | None:
    """Why the metric does not apply, or None where it does."""
    needed, used = metric_needs(metric), network_info(metric, setup)
    if (missing := unmet(metric, subject)) or (missing := limit(metric, subject, setup.frames)):
        return missing
    if "logits" in needed and used and not used.has_logits:
        return f"{used.label} has no class logits"
    if used and (teacher := subject.trained_on.get(used.label.rpartition("@")[2])):
        return f"the model was trained on the features of {teacher}, which is then no judge of it"
    if {"conditional", "logits"} <= needed:
        return _other_classes(
            named_network(metric) or setup.names.get("extractor", ""), subject.data
        )
    return None


def _other_classes(extractor: str, data: str) -> str | None:
    """Why the extractor's classes are not those that were asked for; None where they are."""
    try:
        reference = parse_reference(data)
    except BadInput:  # images from elsewhere, of which no classifier is known
        return f"the classes of {extractor} may be others than those asked for"
    classifier = classifier_of(reference.name, reference.options.get("size"))
    if classifier == extractor:
        return None
    return f"the classes of {extractor} may be others; {classifier} knows those asked for"


def unmet(metric: Metric, subject: Subject) -> str | None:
    """The first of the metric's needs that nothing stands behind, in the words of the subject."""
    reasons = (
        subject.obstacles[need]
        for need in sorted(metric_needs(metric))
        if need in subject.obstacles
    )
    return next(reasons, None)


def limit(metric: Metric, subject: Subject, frames: int = 1) -> str | None:
    """Why there are too few images, or too small ones, for the metric; None where they will do. Of
    videos each of the `frames` is an image for metrics of such.
    """
    each = frames if is_framewise(metric) else 1
    counts = {str(need): count for need, count in subject.counts.items()}
    for counted, least in metric.least.items():
        number = each * counts.get(counted, least)
        if number < least:
            return (
                f"needs at least {least:,} {REQUIREMENTS[counted].noun or counted}, not {number:,}"
            )
    if subject.sides and min(subject.sides) < metric.smallest:
        size = "×".join(map(str, subject.sides))
        return f"needs images of at least {metric.smallest} pixels a side, not {size}"
    return None


def protocol(metric: Metric, subject: Subject, setup: EvalConfig) -> Protocol:
    """How `metric` is measured on `subject` under `setup`."""
    needed, timed = metric_needs(metric), any(kind.timed for kind in evidence_specs(metric))
    used = network_info(metric, setup) or NetworkInfo("", "")
    splits = [] if timed else [name for need, name in subject.splits.items() if need in needed]
    samples, reference = (None, None) if timed else _counts(needed, subject)
    settings = dict(metric.settings) | ({"machine": setup.machine} if timed else {})
    if subject.resize:
        settings |= {"resize": subject.resize}
    if not subject.quantisation:
        settings.pop("noise", None)  # of dequantisation
    if BATCH_TIMES.intersection(metric.needs):
        settings |= {"batch": TIMING_BATCH, "repeats": TIMING_REPEATS}
    if score := named_score(metric):
        settings |= {"score": score}
    if setup.safety_filter and any(is_drawn(kind) for kind in evidence_specs(metric)):
        settings |= {"filter": setup.safety_filter}
    if (times := draw_count(metric, setup)) > 1:
        settings |= {"draws": times}
    if subject.binary and needed & {"likelihood", "importance"}:
        settings["noise"] = "none"  # binary images are not dequantised
    if setup.frames > 1 and is_framewise(metric):
        settings |= {"frames": setup.frames}
    return Protocol(
        metric=metric.base_name,
        version=metric.version,
        dataset=subject.data,
        extractor=used.label,
        preprocessing=used.preprocessing,
        quantisation=subject.quantisation if _is_made(needed) and not timed else "",
        samples=samples,
        reference=reference,
        split="+".join(dict.fromkeys(splits)),
        reference_digest=subject.digest[:16] if splits else "",
        settings=settings,
    )


def _counts(needed: set[Need], subject: Subject) -> tuple[int | None, int | None]:
    """How many images are measured, and how many they are compared with as a set."""

    def first(*parts: Part) -> int | None:
        required = (r.name for r in REQUIREMENTS.values() if r.name in needed and r.part in parts)
        return next((n for name in required if (n := subject.counts.get(name))), None)

    return first("made", "judged"), first("real")


def _is_made(needed: set[Need]) -> bool:
    """Whether a model makes the images, which are then rounded as the dataset's are."""
    return any(REQUIREMENTS[need].part == "made" for need in needed)
