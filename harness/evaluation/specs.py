"""The kinds of evidence: what each takes of that which is measured, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from harness.core.errors import BadInput, suggest
from harness.metrics.base import Metric

if TYPE_CHECKING:
    from harness.evaluation.evidence import Evidence

Role = Literal["extractor", "perceptual", "text", "clip"]
Need = Literal[
    "samples", "reference", "train", "labels", "logits", "reconstructions", "scores", "maps",
    "masks", "texts", "codes", "posterior", "latents", "factors", "likelihood", "importance",
    "levels", "costs", "pixels", "detail", "truth", "modes", "polygons", "symmetry", "video",
    "conditional", "translations", "cycles", "forward", "backward", "first_domain", "second_domain",
    "colours", "critic", "odds", "memory",
]  # fmt: skip


@dataclass(frozen=True)
class EvidenceSpec:
    """A kind of evidence.

    `needs` is what must be there to compute it; `role` the feature network it passes through, if
    any; `timed` whether it depends on the machine; `framewise` whether it is of the frames of
    videos, each taken for an image.
    """

    needs: frozenset[Need]
    compute: Callable[[Evidence], Any]
    role: Role | None = None
    timed: bool = False
    framewise: bool = False


def is_drawn(kind: EvidenceSpec) -> bool:
    """Whether it comes from samples, so that another draw of them makes it another."""
    return "samples" in kind.needs and not kind.timed


EVIDENCE: dict[str, EvidenceSpec] = {}
"""Every kind, by the name that metrics ask for it."""

Compute = Callable[["Evidence"], Any]


def evidence(
    *needs: Need, role: Role | None = None, timed: bool = False, framewise: bool = False
) -> Callable[[Compute], Compute]:
    """Makes the function below it a kind of evidence, which goes by the function's name."""

    def register(compute: Compute) -> Compute:
        EVIDENCE[compute.__name__] = EvidenceSpec(frozenset(needs), compute, role, timed, framewise)
        return compute

    return register


def provided(name: str, *needs: Need, timed: bool = False) -> None:
    """Makes `name` a kind of evidence that is handed over and not computed."""

    def absent(_: Evidence) -> Any:
        raise LookupError(f"the evidence {name!r} was not given")

    EVIDENCE[name] = EvidenceSpec(frozenset(needs), absent, timed=timed)


provided("reference_images", "reference")
provided("reference_labels", "reference", "labels")
provided("train_images", "train")
provided("train_labels", "train", "labels")
provided("training_seconds", "costs", timed=True)
provided("peak_memory_bytes", "costs", "memory", timed=True)
provided("parameter_count", "costs")


def evidence_specs(metric: Metric) -> list[EvidenceSpec]:
    """The kinds of evidence a metric needs; BadInput where it asks for one that does not exist."""
    for name in metric.needs:
        if name not in EVIDENCE:
            raise BadInput(
                f"metric {metric.name!r} asks for unknown evidence {name!r}"
                f"{suggest(name, EVIDENCE)}"
            )
    return [EVIDENCE[name] for name in metric.needs]


def metric_needs(metric: Metric) -> set[Need]:
    """What must be there to measure the metric."""
    needed = {need for kind in evidence_specs(metric) for need in kind.needs}
    of_pixels = metric.of_pixels or extractor_roles(metric) & {"perceptual", "text", "clip"}
    needed |= {"pixels"} if of_pixels else set()
    return needed | ({"detail"} if metric.of_detail else set())


def is_framewise(metric: Metric) -> bool:
    """Whether it takes each frame of a video for an image."""
    return any(kind.framewise for kind in evidence_specs(metric))


def extractor_roles(metric: Metric) -> set[Role]:
    """The feature networks a metric needs."""
    return {kind.role for kind in evidence_specs(metric) if kind.role}
