"""The kinds of evidence: what each takes of that which is measured, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from harness.metrics.base import Metric
from harness.spec.errors import BadInput, suggest

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
class Kind:
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


def is_drawn(kind: Kind) -> bool:
    """Whether it comes from samples, so that another draw of them makes it another."""
    return "samples" in kind.needs and not kind.timed


EVIDENCE: dict[str, Kind] = {}
"""Every kind, by the name that metrics ask for it."""

Compute = Callable[["Evidence"], Any]


def kind(
    *needs: Need, role: Role | None = None, timed: bool = False, framewise: bool = False
) -> Callable[[Compute], Compute]:
    """Makes the function below it a kind of evidence, which goes by the function's name."""

    def register(compute: Compute) -> Compute:
        EVIDENCE[compute.__name__] = Kind(frozenset(needs), compute, role, timed, framewise)
        return compute

    return register


def given(name: str, *needs: Need, timed: bool = False) -> None:
    """Makes `name` a kind of evidence that is handed over and not computed."""

    def absent(_: Evidence) -> Any:
        raise LookupError(f"the evidence {name!r} was not given")

    EVIDENCE[name] = Kind(frozenset(needs), absent, timed=timed)


given("reference_images", "reference")
given("reference_labels", "reference", "labels")
given("train_images", "train")
given("train_labels", "train", "labels")
given("training_seconds", "costs", timed=True)
given("peak_memory_bytes", "costs", "memory", timed=True)
given("parameter_count", "costs")


def kinds(metric: Metric) -> list[Kind]:
    """The kinds of evidence a metric needs; BadInput where it asks for one that does not exist."""
    for name in metric.needs:
        if name not in EVIDENCE:
            raise BadInput(
                f"metric {metric.name!r} asks for unknown evidence {name!r}"
                f"{suggest(name, EVIDENCE)}"
            )
    return [EVIDENCE[name] for name in metric.needs]


def needs(metric: Metric) -> set[Need]:
    """What must be there to measure the metric."""
    needed = {need for kind in kinds(metric) for need in kind.needs}
    of_pixels = metric.of_pixels or roles(metric) & {"perceptual", "text", "clip"}
    needed |= {"pixels"} if of_pixels else set()
    return needed | ({"detail"} if metric.of_detail else set())


def is_framewise(metric: Metric) -> bool:
    """Whether it takes each frame of a video for an image."""
    return any(kind.framewise for kind in kinds(metric))


def roles(metric: Metric) -> set[Role]:
    """The feature networks a metric needs."""
    return {kind.role for kind in kinds(metric) if kind.role}
