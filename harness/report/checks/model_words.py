"""A check of two models in words: what every output of it says alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from harness.core.counting import counted
from harness.regression.fixed_models.measures import MEASURES, PairMeasure
from harness.regression.fixed_models.model_check import ALPHA, ModelCheck
from harness.regression.fixed_models.scores import ModelScores
from harness.report.plain import plain_text
from harness.scoring.drawn_samples import DrawPlan
from harness.scoring.per_image import ImageTable
from harness.statistics.formatting import number, percent

MODEL_HEADINGS = ("measure", "between the models", "reference run again", "other seeds", "worst")
LABELS = {
    "identical": "Identical",
    "no difference": "No difference",
    "other images": "No difference of the sets",
    "tolerated": "Tolerated",
    "different": "Different",
    "inconclusive": "Inconclusive",
}


@dataclass(frozen=True)
class ModelCheckText:
    """Says what the check of `model` against `against` came to; `plan` is what they were asked
    for.
    """

    model: str
    against: str
    plan: DrawPlan
    scores: ModelScores
    check: ModelCheck

    @property
    def title(self) -> str:
        """The two models."""
        return f"{self.model} against {self.against}"

    def summary(self) -> str:
        """The one sentence that counts."""
        count = counted(len(self.scores), "image")
        return f"{LABELS[self.check.outcome]} in {count}: {self.check.reason}."

    def rows(self) -> list[tuple[str, ...]]:
        """A line of the table with `MODEL_HEADINGS` for each measure: means over images."""
        return [self._row(MEASURES[name]) for name in MEASURES if name in self.scores.pairs]

    def notes(self) -> list[str]:
        """What a reader must know besides: what would have been found, and what was left out."""
        check, lines = self.check, []
        alpha = (
            f"of a check of a model against itself, at most {percent(ALPHA)} are called different"
        )
        if check.detects is not None:
            lines.append(
                f"a mean difference of {number(check.detects, 2)} grey levels beyond run-to-run "
                f"noise is found in 8 of 10 cases; {alpha}"
            )
        if check.sets:
            share = check.sets.detects
            lines.append(
                "as sets, "
                + (f"noise in place of {percent(share)} of the images" if share else "no fault")
                + f" is found in 8 of 10 cases; {alpha}"
            )
        network = self.scores.networks
        lines.append(f"features of {network.extractor.label}")
        return [*lines, *network.notes]

    def table(self) -> ImageTable:
        """The values of each image, also from the reference's second run."""
        columns: dict[str, Sequence[Any]] = {}
        if self.plan.captions is not None:
            columns["prompt"] = list(self.plan.captions)
        if self.plan.labels is not None:
            columns["label"] = self.plan.labels.tolist()
        columns |= {name: each.tolist() for name, each in self.scores.pairs.items()}
        columns |= {f"rerun_{name}": x.tolist() for name, x in self.scores.reruns.items()}
        if self.scores.has_clip_scores:
            columns["clip_score_model"] = self.scores.candidate_clip_scores.tolist()
            columns["clip_score_against"] = self.scores.reference_clip_scores.tolist()
        columns["broken"] = self.check.broken.tolist()
        return ImageTable([str(row) for row in range(len(self.scores))], columns)

    def document(self) -> dict[str, Any]:
        """The check as plain values for JSON."""
        check = self.check
        return {
            "model": self.model,
            "against": self.against,
            "outcome": check.outcome,
            "reason": check.reason,
            "images": len(self.scores),
            "seed": self.plan.seed,
            "broken": check.broken.nonzero().flatten().tolist(),
            "means": self.means(),
            "detects": check.detects,
            "sets": check.sets and vars(check.sets),
            "extractor": self.scores.networks.extractor.label,
            "notes": list(self.scores.networks.notes),
        }

    def means(self) -> dict[str, float]:
        """The mean of each measure between the models, and between the reference's two runs."""
        of_pairs = {name: float(each.mean()) for name, each in self.scores.pairs.items()}
        reruns = {f"rerun_{name}": float(x.mean()) for name, x in self.scores.reruns.items()}
        return of_pairs | reruns

    def markdown(self) -> str:
        """The summary, the table and the notes, for a pull request."""
        mark = {0: "✅", 1: "❌"}.get(self.check.exit_code, "❔")
        lines = [f"### {mark} {plain_text(self.title)}", "", plain_text(self.summary()), ""]
        lines += [f"| {' | '.join(MODEL_HEADINGS)} |", "|---" + "|--:" * 4 + "|"]
        lines += [f"| {' | '.join(map(plain_text, row))} |" for row in self.rows()]
        return "\n".join([*lines, "", *(f"- {plain_text(note)}" for note in self.notes()), ""])

    def _row(self, measure: PairMeasure) -> tuple[str, ...]:
        pairs = self.scores.pairs[measure.name]
        is_drawn = "others" in vars(self.scores.draws)
        seeds = self.scores.seeds if is_drawn else {}
        worst = pairs.min() if measure.worse == "lower" else pairs.max()
        columns = (pairs, self.scores.reruns.get(measure.name), seeds.get(measure.name))
        unit = f", {measure.unit}" if measure.unit else ""
        return (
            f"{measure.title}{unit}",
            *(_mean(each, measure.digits) for each in columns),
            number(float(worst), measure.digits),
        )


def _mean(values: Tensor | None, digits: int) -> str:
    return "–" if values is None else number(float(values.mean()), digits)
