"""The kinds of evidence: what each requires of that which is measured, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from harness.core.errors import BadInput, suggest
from harness.evaluation.requirements import (
    REQUIREMENTS,
    Count,
    Need,
    Part,
    Requirement,
    Unavailable,
    require,
    uncounted,
)
from harness.metrics.base import Metric

Role = Literal["extractor", "perceptual", "text", "clip", "factors", "scorer", "detector"]
Compute = TypeVar("Compute", bound=Callable[[Any], Any])


@dataclass(frozen=True)
class EvidenceSpec:
    """A kind of evidence.

    `needs` is what must be there to compute it; `compute` takes the `Evidence` before it; `role` is
    the feature network it passes through, if any; `timed` says that it depends on the machine;
    `framewise` that it is of the frames of videos, each taken for an image.
    """

    needs: frozenset[Need]
    compute: Callable[[Any], Any]
    role: Role | None = None
    timed: bool = False
    framewise: bool = False


def is_drawn(kind: EvidenceSpec) -> bool:
    """Whether it comes from samples, so that another draw of them makes it another."""
    return "samples" in kind.needs and not kind.timed


EVIDENCE: dict[str, EvidenceSpec] = {}
"""Every kind, by the name that metrics ask for it."""


def evidence(  # noqa: PLR0913 - all that is declared of a kind of evidence
    *,
    requires: Collection[Need] = (),
    unavailable: Unavailable | None = None,
    count: Count = uncounted,
    role: Role | None = None,
    timed: bool = False,
    framewise: bool = False,
) -> Callable[[Compute], Compute]:
    """Makes the function below it a kind of evidence, which goes by the function's name.

    It is computed where all that it `requires` is there, and `unavailable` has no reason why a
    model or a dataset does not give it; `count` is then how many images it is of, for protocols.
    Raises BadInput for an unknown requirement and for a name that is taken.
    """

    def register(compute: Compute) -> Compute:
        name, needs = compute.__name__, set(requires)
        if unavailable:
            part: Part = "" if count is uncounted else "judged"
            require(Requirement(name, unavailable, count, part))
            needs.add(name)
        register_evidence(name, EvidenceSpec(_known(needs), compute, role, timed, framewise))
        return compute

    return register


def provided(name: str, *needs: Need, timed: bool = False) -> None:
    """Makes `name` a kind of evidence that is handed over and not computed."""

    def absent(_: object) -> Any:
        raise LookupError(f"the evidence {name!r} was not given")

    register_evidence(name, EvidenceSpec(_known(needs), absent, timed=timed))


def _known(needs: Collection[Need]) -> frozenset[Need]:
    for need in needs:
        if need not in REQUIREMENTS:
            raise BadInput(f"unknown requirement {need!r}{suggest(need, REQUIREMENTS)}")
    return frozenset(needs)


def register_evidence(name: str, spec: EvidenceSpec) -> None:
    """Makes `name` a kind of evidence. Raises BadInput where another module has it already."""
    other = EVIDENCE.get(name)
    if other and other.compute.__module__ != spec.compute.__module__:
        raise BadInput(f"the evidence {name!r} exists already; choose another name")
    EVIDENCE[name] = spec


provided("reference_images", "reference")
provided("reference_labels", "reference", "labels")
provided("train_images", "train")
provided("train_labels", "train", "labels")


def evidence_specs(metric: Metric) -> list[EvidenceSpec]:
    """The kinds of evidence a metric needs; BadInput where it asks for one that does not exist."""
    for name in metric.needs:
        if name not in EVIDENCE:
            raise BadInput(
                f"metric {metric.name!r} asks for unknown evidence {name!r}"
                f"{suggest(name, EVIDENCE)}"
            )
    return [EVIDENCE[name] for name in evidence_names(metric).values()]


def evidence_names(metric: Metric) -> dict[str, str]:
    """By each need of the metric, the evidence that it takes: the variant that the metric's name
    asks for where there is one, `anomaly_scores@ssim` for the `anomaly_scores` of `auroc@ssim`.
    """
    variants = {need: f"{need}@{metric.variant}" for need in metric.needs}
    return {need: name if name in EVIDENCE else need for need, name in variants.items()}


def named_score(metric: Metric) -> str:
    """The anomaly score that the metric's name asks for, `ssim` of `auroc@ssim`; "" where it asks
    for none.
    """
    has_own_evidence = any(need != name for need, name in evidence_names(metric).items())
    return metric.variant if has_own_evidence else ""


def named_network(metric: Metric) -> str:
    """The feature network that the metric's name asks for, `dinov2` of `fid@dinov2`, or that it
    always takes; "" where the suite says which.
    """
    return "" if named_score(metric) else metric.variant or metric.network


def _anomaly_scores(metric: Metric) -> list[str]:
    """The names of the anomaly scores that a metric can use."""
    needs = tuple(f"{need}@" for need in metric.needs)
    names = (name.partition("@")[2] for name in EVIDENCE if name.startswith(needs))
    return list(dict.fromkeys(names))


def metric_needs(metric: Metric) -> set[Need]:
    """What must be there to measure the metric."""
    needed = {need for kind in evidence_specs(metric) for need in kind.needs}
    of_pixels = metric.of_pixels or extractor_roles(metric) - {"extractor"}
    needed |= {"pixels"} if of_pixels else set()
    return needed | ({"detail"} if metric.of_detail else set())


def named_networks(metric: Metric) -> dict[Role, str]:
    """The feature network that the metric's name asks for, by its role: `dinov2` as the extractor
    of `fid@dinov2`; empty where it asks for none. Raises BadInput where the metric takes none.
    """
    if not (network := named_network(metric)):
        return {}
    if scores := _anomaly_scores(metric):
        raise BadInput(
            f"metric {metric.name!r}: unknown anomaly score {network!r}{suggest(network, scores)}"
        )
    if metric.variant and metric.network and not metric.variant.startswith(f"{metric.network}:"):
        raise BadInput(f"{metric.base_name} is of {metric.network} alone; write {metric.base_name}")
    if not (roles := extractor_roles(metric)):
        raise BadInput(
            f"{metric.base_name} passes images through no feature network; write "
            f"{metric.base_name} in place of {metric.name}"
        )
    return dict.fromkeys(roles, network)


def is_framewise(metric: Metric) -> bool:
    """Whether it takes each frame of a video for an image."""
    return any(kind.framewise for kind in evidence_specs(metric))


def extractor_roles(metric: Metric) -> set[Role]:
    """The feature networks a metric needs."""
    return {kind.role for kind in evidence_specs(metric) if kind.role}
