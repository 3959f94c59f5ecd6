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
from harness.score import selection
from harness.score.sets import Sets, of_draw, read_pixels, subject
from harness.score.variations import Variations
from harness.training.numerics import Numerics


@dataclass(frozen=True)
class Scoring:
    """Metrics that can be measured of sets of images, and how. `named` is whether someone asked for
    these metrics.
    """

    sets: Sets
    setup: EvalConfig
    wanted: tuple[PlannedMeasurement, ...]
    metrics: Mapping[str, Metric]
    numerics: Numerics
    named: bool

    def evidence(self) -> Evidence:
        """What the metrics look at, each kind computed when it is first asked for."""
        self.numerics.apply()
        return Evidence(self.sets.evidence(), self.setup, device=self.numerics.device)


def make_scoring(
    sets: Sets,
    metrics: Sequence[str] | None,
    networks: Mapping[Role, str | None],
    numerics: Numerics,
    definitions: Profile | Variations | None = None,
) -> Scoring:
    """Everything is looked up and checked, what headers say before pixels are read; no image has
    passed through a network yet.

    Without `metrics`, those are taken that suit the sets, and one that does not fit them says so in
    its row; without a name in `networks`, the feature network that suits the reference; with
    `definitions`, metrics are as these have them, and networks too where it is a profile. Raises
    BadInput for an unknown metric or network, a network that is not at hand, and for what was named
    and cannot be measured of these images.
    """
    chosen = selection.select(sets, metrics, networks, definitions)
    setup = selection.scoring_eval_config(chosen, sets, numerics.machine)
    read_pixels(sets)
    key = samples_key(sets.samples.digest, *(other.digest for other in sets.further))
    wanted = []
    for metric in chosen.metrics:
        why_not = selection.why_not(chosen, metric, sets, setup)
        if chosen.named:
            selection.check_named(metric, why_not, sets)
        (asked,) = request_metrics([metric], subject(sets, metric), setup, {})
        wanted.append(replace(asked, obstacle=why_not).of(key))
    known = {metric.name: metric for metric in chosen.metrics}
    return Scoring(sets, setup, tuple(wanted), known, numerics, chosen.named)


def with_extractor(scoring: Scoring) -> Scoring:
    """The scoring with its extractor checked and at hand, for what asks for features beside the
    metrics. Raises as `make_scoring`.
    """
    return replace(scoring, setup=selection.with_loaded_extractor(scoring.setup, scoring.sets))


def score(scoring: Scoring, evidence: Evidence | None = None) -> Iterator[Measurement]:
    """A row for each metric, as soon as it is there. One that fails does not keep the others; one
    that nobody named, and that refuses what it finds, does not apply. `evidence` is the scoring's,
    where something else is computed from it too.
    """
    evidence = evidence or scoring.evidence()
    others = [
        evidence.redrawn(number, of_draw(images))
        for number, images in enumerate(scoring.sets.further, start=1)
    ]
    for wanted in scoring.wanted:
        if wanted.obstacle:
            yield wanted.without("not applicable", "")
        else:
            metric = scoring.metrics[wanted.metric]
            drawn = others if draw_count(metric, scoring.setup) > 1 else []
            readings = [compute_metric(metric, each) for each in (evidence, *drawn)]
            refused = next((said.refusal for said in readings if said.refusal), "")
            if refused and not scoring.named:
                yield wanted.without("not applicable", refused)
            else:
                yield measurement_of(metric, wanted.protocol, wanted.key, readings, scoring.setup)
