"""What pages show of a recorded verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from harness.claims.effects import Effect
from harness.core.counting import counted
from harness.report.charts import chart_markups
from harness.report.figures import Comparison, forest_plots
from harness.report.ledger import OUTCOMES, RecordedVerdict


@dataclass(frozen=True)
class SeedRow:
    """The values of both sides of a comparison with one seed, and the runs that they are from."""

    comparison: str
    dataset: str
    seed: int
    model: str
    value: float | None
    other: str
    other_value: float | None
    runs: tuple[str, ...]


def claim_outcome(verdicts: Sequence[RecordedVerdict]) -> str:
    """What the verdicts on a claim say together: supported or refuted where a report decides it and
    none decides it otherwise, "contested" where they do, "not run" without a verdict.
    """
    outcomes = {verdict.outcome for verdict in verdicts}
    if outcomes >= {"supported", "refuted"}:
        return "contested"
    return min(outcomes, key=OUTCOMES.index) if outcomes else "not run"


def comparisons(verdict: RecordedVerdict) -> list[Comparison]:
    """The comparisons of a verdict, those without an effect too."""
    return [
        Comparison(
            part["title"], part["model"], part["other"], part["dataset"], part["unit"],
            _effect(part["effect"]),
        )
        for part in verdict.recorded["parts"]
    ]  # fmt: skip


def forests(verdict: RecordedVerdict) -> list[Markup]:
    """The forest plots of a verdict."""
    effect = _effect(verdict.recorded["effect"]) if verdict.claim.over == "average" else None
    return chart_markups(forest_plots(comparisons(verdict), verdict.outcome, effect))


def seed_rows(verdict: RecordedVerdict) -> Iterator[SeedRow]:
    """The values that a verdict rests on, a row a seed and comparison."""
    for part in verdict.recorded["parts"]:
        for block in part["blocks"]:
            runs = (block.get("run_id"), block.get("other_run_id"))
            yield SeedRow(
                part["title"], block["dataset"], block["seed"], part["model"], block["value"],
                part["other"], block["other"], tuple(run for run in runs if run),
            )  # fmt: skip


def look_history(verdict: RecordedVerdict) -> str:
    """After how many seeds the claim was looked at, so far as it was recorded."""
    looks: Mapping[str, Any] | None = verdict.recorded.get("looks")
    if not looks:
        return "not recorded"
    counts = [counted(len(seeds), "seed") for seeds in looks["seeds"]]
    declared = f"; at most {looks['most']} were declared" if looks["most"] else ""
    return f"after {', then '.join(counts)}{declared}"


def _effect(recorded: Mapping[str, Any] | None) -> Effect | None:
    return Effect(**recorded) if recorded else None
