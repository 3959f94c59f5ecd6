"""Metrics of sets of images: all that can be wrong is found out first, then they are measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.core.measurement import Measurement
from harness.evaluation.evidence import Evidence
from harness.evaluation.measure import compute_metric, measurement_of
from harness.evaluation.profiles import Profile
from harness.evaluation.protocols import EvalConfig, draw_count
from harness.evaluation.specs import Role
from harness.metrics.base import Metric
from harness.plan.cells import PlannedMeasurement, request_metrics
from harness.plan.external_samples import samples_key
from harness.scoring import selection
from harness.scoring.sets import Sets, of_draw, read_pixels, subject
from harness.scoring.variations import Variations
from harness.training.numerics import Numerics


@dataclass(frozen=True)
class Scoring:
    """Metrics to measure on sets of images, and how. `is_explicit` is whether the user named the
    metrics.
    """

    sets: Sets
    setup: EvalConfig
    planned_measurements: tuple[PlannedMeasurement, ...]
    metrics: Mapping[str, Metric]
    numerics: Numerics
    is_explicit: bool

    def evidence(self) -> Evidence:
        """Returns the evidence for the metrics; each kind is computed at its first use."""
        self.numerics.apply()
        return Evidence(self.sets.evidence(), self.setup, device=self.numerics.device)


def make_scoring(
    sets: Sets,
    metrics: Sequence[str] | None,
    networks: Mapping[Role, str | None],
    numerics: Numerics,
    definitions: Profile | Variations | None = None,
) -> Scoring:
    """Look up and check everything that measuring needs: headers before pixels are read, and all
    before an image passes through a network.

    Without `metrics`, those that suit the sets are taken, and the row of one that does not fit says
    why. A role without a name in `networks` has the feature network that suits the reference.
    `definitions` change settings of metrics; a profile also fixes networks. Raises BadInput for an
    unknown metric or network, for weights that cannot be had, and for a named metric that cannot be
    measured on these images.
    """
    chosen = selection.select(sets, metrics, networks, definitions)
    setup = selection.scoring_eval_config(chosen, sets, numerics.machine)
    read_pixels(sets)
    key = samples_key(sets.samples.digest, *(other.digest for other in sets.further))
    planned = []
    for metric in chosen.metrics:
        obstacle = selection.why_not(chosen, metric, sets, setup)
        if chosen.is_explicit:
            selection.check_named(metric, obstacle, sets)
        (request,) = request_metrics([metric], subject(sets, metric), setup, {})
        planned.append(replace(request, obstacle=obstacle).of(key))
    metrics_by_name = {metric.name: metric for metric in chosen.metrics}
    return Scoring(sets, setup, tuple(planned), metrics_by_name, numerics, chosen.is_explicit)


def with_extractor(scoring: Scoring) -> Scoring:
    """Returns the scoring with its extractor checked and loaded, for what needs features beside the
    metrics. Raises as `make_scoring`.
    """
    return replace(scoring, setup=selection.with_loaded_extractor(scoring.setup, scoring.sets))


def score(scoring: Scoring, evidence: Evidence | None = None) -> Iterator[Measurement]:
    """Yields a row for each metric as soon as it is measured. A metric that fails stops no other.
    One that the user did not name, and that refuses the images, does not apply. `evidence` is that
    of the scoring, where something else is computed from it too.
    """
    evidence = evidence or scoring.evidence()
    others = [
        evidence.redrawn(number, of_draw(images))
        for number, images in enumerate(scoring.sets.further, start=1)
    ]
    for planned in scoring.planned_measurements:
        if planned.obstacle:
            yield planned.without("not applicable", "")
            continue
        metric = scoring.metrics[planned.metric]
        draws = [evidence, *others] if draw_count(metric, scoring.setup) > 1 else [evidence]
        outcomes = [compute_metric(metric, draw) for draw in draws]
        refusal = next((outcome.refusal for outcome in outcomes if outcome.refusal), "")
        if refusal and not scoring.is_explicit:
            yield planned.without("not applicable", refusal)
        else:
            yield measurement_of(metric, planned.protocol, planned.key, outcomes, scoring.setup)
