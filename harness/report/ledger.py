"""The ledger: every shipped claim, with what the published reports say of it or what is missing,
and published figures beside ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, singledispatch
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.claims.effects import Effect
from harness.claims.wording import quantity
from harness.config import claim_shapes as shapes
from harness.config.claim import Claim
from harness.config.claim_files import ClaimFile, shipped_claim_files
from harness.config.claim_parts import ModelAt
from harness.config.claim_shapes import make_claim
from harness.config.recipe import list_recipes
from harness.config.shipped import shipped
from harness.config.suite import list_suites, load_suite
from harness.core.counting import counted, named
from harness.core.disturbance import disturbances_text
from harness.core.errors import BadInput
from harness.core.text_files import decode
from harness.data import dataset_card
from harness.metrics import METRICS, REGISTRY, load_metric
from harness.plan.setup import check_named_networks
from harness.report.derivation import trial
from harness.report.ledger_rows import (
    data_text,
    declared_text,
    maturity_text,
    remedy_text,
    selftest_outcome_text,
)
from harness.report.plain import plain_text
from harness.report.published_figures import published_figures
from harness.report.published_markdown import published_lines, relative_link
from harness.report.table_comparison import TableComparison

VERSION = re.compile(r"(?:\[|, )v(\d+)\]$")
"""Of a metric, in the label of a protocol; the first is not printed."""

OUTCOMES = ("supported", "refuted", "inconclusive", "not evaluable")
HEADS = (
    "verdict", "effect", "data and budget", "seeds", "undertrained", "self-test", "declared",
    "report",
)  # fmt: skip
"""The columns of a claim's verdicts."""


@dataclass(frozen=True)
class RecordedVerdict:
    """A recorded verdict on a claim, and the report that it stands in."""

    claim: Claim
    report: Path
    recorded: Mapping[str, Any]
    suite: Mapping[str, Any]

    @property
    def outcome(self) -> str:
        """The verdict."""
        return str(self.recorded["outcome"])

    @property
    def effect(self) -> str:
        """What the verdict hangs on, with effect and interval; or why there is none."""
        if not self.recorded["effect"]:
            return str(self.recorded["reason"])
        effect = quantity(Effect(**self.recorded["effect"]), self.recorded["unit"])
        return f"{self.recorded['about']}: {effect}"

    @property
    def remedy(self) -> str:
        """What would decide the claim where this verdict leaves it open; else empty."""
        return remedy_text(self.recorded, self.claim, self.suite)

    @property
    def outdated(self) -> bool:
        """Whether a metric is of another version now, so that the numbers are not its any more."""
        labels = [
            label for text in self.recorded.get("protocols", ()) for label in text.split("; ")
        ]
        versions = ((label.partition("[")[0], VERSION.search(label)) for label in labels)
        return any(
            name in METRICS and METRICS[name].version != int(version[1] if version else 1)
            for name, version in versions
        )

    @property
    def is_trial(self) -> bool:
        """Whether the run had another budget than its suite, which decides no claim."""
        return bool(trial(self.suite["overrides"]))

    @property
    def overrides(self) -> str:
        """What the run changed of the suite, if anything."""
        changed = (f"{name} {value}" for name, value in self.suite["overrides"].items())
        return ", ".join(changed)


@dataclass(frozen=True)
class Ledger:
    """The shipped claims, and the verdicts recorded in the folders of `reports`."""

    shelves: Sequence[ClaimFile]
    findings: Sequence[RecordedVerdict]
    published: Sequence[TableComparison] = ()
    """The published figures beside what these reports measured."""

    @classmethod
    def of(cls, reports: Path) -> Ledger:
        """The ledger of a folder of reports. Raises BadInput where a `verdicts.json` or a
        `report.json` is not what a report writes, and for a mistake in a file of published figures.
        """
        files = sorted(reports.glob("*/verdicts.json"))
        findings = [finding for file in files for finding in _findings(file)]
        return cls(shipped_claim_files(), findings, published_figures(reports))

    @cached_property
    def suites(self) -> dict[str, list[str]]:
        """The shipped suites that ask each claim, by its id."""
        suites_of: dict[str, list[str]] = {}
        for name in list_suites():
            for claim in load_suite(name).suite.claims:
                suites_of.setdefault(claim.id, []).append(name)
        return suites_of

    def on(self, claim: Claim) -> list[RecordedVerdict]:
        """The verdicts on a claim as it is asked, and as its metrics are measured, now."""
        same_claims = (
            f for f in self.findings if f.claim.id == claim.id and claim.asks_as(f.claim)
        )
        return [each for each in same_claims if not (each.outdated or each.is_trial)]

    def published_on(self, claim: Claim) -> list[TableComparison]:
        """The tables of published figures that name a claim."""
        return [each for each in self.published if claim.id in each.table.claims]

    def missing(self, claim: Claim) -> str:
        """What keeps a claim without a verdict from having one."""
        if lacking := list(_lacking(claim)):
            return f"Missing: {'; '.join(lacking)}."
        suites = self.suites.get(claim.id)
        if not suites:
            return "Missing: a suite that asks it."
        old = [finding for finding in self.findings if finding.claim.id == claim.id]
        why = "not run yet"
        if old and all(finding.is_trial for finding in old):
            why = "run only as a trial with another budget"
        elif old:
            same = any(claim.asks_as(finding.claim) for finding in old)
            changed = "what its metrics measure has" if same else "the claim has"
            why = (
                _amendment_text(claim, old)
                or _budget_text(claim, old)
                or f"{changed} changed since its last report"
            )
        return f"In the {named(len(suites), 'suite')} {', '.join(suites)}; {why}."

    def markdown(self, folder: Path) -> str:
        """The page, with links for a file in `folder`."""
        claims = [claim for shelf in self.shelves for claim in shelf.claims]
        folder_of_claims = shipped("suites/claims")
        guide = folder_of_claims.parent.parent / "docs" / "add-a-claim.md"
        lines = [
            "# Claims",
            "",
            "Every statement that this project sets out to test, with what its published reports "
            "say of it. `harness ledger docs/claims.md` writes this page from the files of "
            f"[`suites/claims/`]({relative_link(folder_of_claims, folder)}) and from the "
            "`verdicts.json` of each report; how a claim is written and decided is in "
            f"[add a claim]({relative_link(guide, folder)}). *Declared* says whether the claim was "
            "recorded as it stands before anything was measured for it; reports of earlier "
            "versions did not record it. A claim that is asked otherwise than in its report, or "
            "whose metric measures otherwise, has no verdict. *Undertrained* names the models of "
            "the claim that were still learning when the budget ended. Below each claim stands "
            "which disturbances of images would fool its metrics: where the self-test shows that "
            "one does, the claim is withheld; what it came to stands beside the verdict. What "
            "papers print stands beside what our suites measured in "
            "[published figures](#published-figures), at the end.",
            "",
            *self._counts(claims),
        ]
        for shelf in self.shelves:
            link = relative_link(shelf.path, folder)
            about = f" {shelf.file.description.strip()}" if shelf.file.description else ""
            lines += ["", f"## {shelf.file.title}", "", f"From [{shelf.path.name}]({link}).{about}"]
            for claim in shelf.claims:
                lines += ["", *self._entry(claim, folder)]
        lines += ["", *published_lines(self.published, folder)]
        return "\n".join(lines) + "\n"

    def _counts(self, claims: Sequence[Claim]) -> list[str]:
        outcomes = [{finding.outcome for finding in self.on(claim)} for claim in claims]
        rows = [
            (name, sum(name in claim_outcomes for claim_outcomes in outcomes)) for name in OUTCOMES
        ]
        waiting = [
            c for c, claim_outcomes in zip(claims, outcomes, strict=True) if not claim_outcomes
        ]
        lacking = sum(any(_lacking(claim)) for claim in waiting)
        rows += [("can be run", len(waiting) - lacking), ("something is missing", lacking)]
        twice = "A claim that two suites decide differently counts under both."
        return [
            f"{counted(len(claims), 'claim')}. {twice}",
            "",
            "| | claims |",
            "|---|---|",
            *(f"| {name} | {count} |" for name, count in rows),
        ]

    def _entry(self, claim: Claim, folder: Path) -> list[str]:
        source = f" *{plain_text(claim.source)}.*" if claim.source else ""
        lines = [
            f"### {claim.id}",
            "",
            f"{plain_text(claim.statement)}{source}",
            "",
            f"Decided by: {rule(claim)}.{f' {plain_text(claim.why)}' if claim.why else ''}",
            "",
            fooling_text(claim),
            "",
        ]
        if tables := self.published_on(claim):
            links = (f"[{each.file.name}](#{each.file.name})" for each in tables)
            lines += [f"Published figures: {', '.join(links)}.", ""]
        verdicts = self.on(claim)
        if not verdicts:
            return [*lines, self.missing(claim)]
        lines += [
            f"| {' | '.join(HEADS)} |",
            "|---" * len(HEADS) + "|",
        ]
        lines += [_row(finding, claim, folder) for finding in verdicts]
        remedies = {f.suite["suite"]: f.remedy for f in verdicts if f.remedy}
        texts = [f"{suite}: {plain_text(remedy)}" for suite, remedy in remedies.items()]
        return (
            [*lines, "", f"What would decide it, by suite. {'; '.join(texts)}."] if texts else lines
        )


def _amendment_text(claim: Claim, findings: Sequence[RecordedVerdict]) -> str:
    """Which verdicts are on a claim as it was before it was amended, and why it was; empty where
    none is.
    """
    for finding in findings:
        since = [each for each in claim.amended if each not in finding.claim.amended]
        if since and not claim.asks_as(finding.claim):
            reason = plain_text(since[0].reason.rstrip("."))
            return (
                f"the verdict of {finding.suite['suite']}, {finding.outcome}, is on the claim "
                f"before it was amended on {since[0].date} ({reason}), and does not count"
            )
    return ""


def _budget_text(claim: Claim, findings: Sequence[RecordedVerdict]) -> str:
    """Which verdict is about one budget alone, where the claim is about what models can do; empty
    where none is.
    """
    for finding in findings:
        about_ability = finding.claim.model_copy(update={"at_budget": claim.at_budget})
        if finding.claim.at_budget != claim.at_budget and claim.asks_as(about_ability):
            return (
                f"the verdict of {finding.suite['suite']}, {finding.outcome}, is on its budget "
                "alone, and does not count"
            )
    return ""


def _row(finding: RecordedVerdict, claim: Claim, folder: Path) -> str:
    recorded, rests_on = finding.recorded, (finding.recorded, finding.claim, finding.suite)
    changed = f" ({plain_text(finding.overrides)})" if finding.overrides else ""
    link = f"[{finding.suite['suite']}]({relative_link(finding.report, folder)}){changed}"
    cells = [
        f"**{finding.outcome}**",
        plain_text(finding.effect),
        plain_text(data_text(*rests_on)),
        str(len(recorded["seeds"])),
        plain_text(maturity_text(*rests_on)),
        selftest_outcome_text(recorded),
        declared_text(recorded, finding.claim, claim),
        f"{link}, {finding.suite['generated_at'][:10]}",
    ]
    return f"| {' | '.join(cells)} |"


def _findings(file: Path) -> Iterable[RecordedVerdict]:
    try:
        suite = json.loads(decode(file.read_bytes()))
        for recorded in suite["verdicts"]:
            claim = make_claim(**recorded["claim"])
            yield RecordedVerdict(claim, file.with_name("report.md"), recorded, suite)
    except ValidationError:
        return  # a claim of a shape that is no more
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{file}: not what a report writes: {error!r}") from None


def _lacking(claim: Claim) -> Iterable[str]:
    zoo = list_recipes()
    models = dict.fromkeys(side.model for side in claim.entrants)
    if absent := [f"`{name}`" for name in models if name not in zoo]:
        yield f"the {named(len(absent), 'recipe')} {', '.join(absent)}"
    if absent := [f"`{name}`" for name in claim.measured if not _is_metric(name)]:
        yield f"the {named(len(absent), 'metric')} {', '.join(absent)}"
    if absent := [f"`{name}`" for name in claim.datasets or () if not _exists(name)]:
        yield f"the {named(len(absent), 'dataset')} {', '.join(absent)}"


def _is_metric(name: str) -> bool:
    """Whether there is a metric of this name, and the network that it names."""
    base, _, network = name.partition("@")
    try:
        if base in REGISTRY and network:
            check_named_networks(load_metric(name))
    except BadInput:
        return False
    return base in REGISTRY


def _exists(dataset: str) -> bool:
    try:
        dataset_card(dataset)
    except BadInput:
        return False
    return True


def rule(claim: Claim) -> str:
    """What decides a claim, as its file says it: Markdown, without a full stop."""
    texts = {name: _margin(name, claim.margin(name)) for name in claim.measured}
    if isinstance(claim, shapes.CorrelationClaim | shapes.SuccessClaim):
        texts = {"": f"{claim.delta:g}" if claim.delta else ""}
    if isinstance(claim, shapes.FrontierClaim):
        texts = {"": f"a factor of {1 + claim.delta:g}" if claim.delta else ""}
    several = len(set(texts.values())) > 1
    parts = dict.fromkeys(
        f"{text} (`{name}`)" if several else text for name, text in texts.items() if text
    )
    how: dict[type[Claim], str] = {
        shapes.EquivalenceClaim: "to within",
        shapes.TradeOffClaim: "with a margin of",
    }
    margin_words = how.get(type(claim), "by more than")
    margin = f", {margin_words} {' and '.join(parts)}" if parts else ""
    where = f", on {_codes(claim.datasets)}" if claim.datasets else ""
    mean = " on average" if claim.over == "average" else ""
    return f"{_asked(claim)}{margin}{where}{mean}"


def fooling_text(claim: Claim) -> str:
    """Which disturbances could fool the metrics of a claim, by its file and by their records."""
    records = [METRICS.get(name.partition("@")[0]) for name in claim.measured]
    of_records = [kind for record in records if record for kind in record.fooled_by]
    if names := dict.fromkeys([*claim.disturbances, *of_records]):
        return f"Disturbances that could fool its metrics: {disturbances_text(names)}."
    return "No disturbance of images that the self-test tries could fool its metrics."


def _margin(metric: str, delta: float) -> str:
    """A margin as a factor where the metric is known to be compared as ratios."""
    record = METRICS.get(metric.partition("@")[0])
    factor = record is not None and record.scale == "log"
    return (f"a factor of {1 + delta:g}" if factor else f"{delta:g}") if delta else ""


@singledispatch
def _asked(claim: Claim) -> str:
    raise TypeError(f"a claim of an unknown shape: {claim.shape}")


@_asked.register
def _compared(claim: shapes.ComparisonClaim) -> str:
    direction = claim.direction or "better"
    metric, models = _codes(claim.metric), _codes(claim.model)
    return f"{direction} {metric} of {models} than of {_codes([claim.against])}"


@_asked.register
def _beside_a_constant(claim: shapes.ThresholdClaim) -> str:
    return f"{_codes(claim.metric)} of {_codes(claim.model)} {_side(claim)}"


@_asked.register
def _equal(claim: shapes.EquivalenceClaim) -> str:
    other = f"that of {_codes([claim.against])}" if claim.against else f"{claim.equals:g}"
    return f"{_codes(claim.metric)} of {_codes(claim.model)} is {other}"


@_asked.register
def _steps(claim: shapes.MonotoneClaim) -> str:
    return f"{_codes(claim.metric)} {claim.direction} with every step of {_codes(claim.models)}"


@_asked.register
def _places(claim: shapes.OrderingClaim) -> str:
    return f"by {_codes(claim.metric)} the order is {_codes(claim.models, ' before ')}"


@_asked.register
def _traded(claim: shapes.TradeOffClaim) -> str:
    parts = " and ".join(
        f"{'the same' if direction == 'same' else direction} {_codes(names)}"
        for direction, names in claim.ways.items()
    )
    return f"{_codes(claim.model)} has {parts} against {_codes([claim.against])}"


@_asked.register
def _ranked_alike(claim: shapes.CorrelationClaim) -> str:
    pair = _codes(claim.metric, " and ")
    return f"the rank correlation of {pair} over {_points(claim.models)} is {_side(claim)}"


@_asked.register
def _steadier(claim: shapes.SpreadClaim) -> str:
    spread = f"a smaller spread over seeds of {_codes(claim.metric)}"
    return f"{spread} of {_codes(claim.model)} than of {_codes([claim.against])}"


@_asked.register
def _cheaper(claim: shapes.FrontierClaim) -> str:
    images = claim.cost == shapes.IMAGES
    cost = "fewer training images" if images else f"better {_codes([claim.cost])}"
    sides = f"of {_points(claim.model)} than of {_points(claim.against)}"
    return f"{cost} at equal {_codes([claim.metric])} {sides}"


@_asked.register
def _more_successes(claim: shapes.SuccessClaim) -> str:
    value = f"{_codes([claim.metric])} {_side(claim)}"
    return f"{value} for a larger share of {_codes(claim.model)} than of {_codes(claim.against)}"


def _side(
    claim: shapes.ThresholdClaim | shapes.CorrelationClaim | shapes.SuccessClaim,
) -> str:
    return f"above {claim.above:g}" if claim.above is not None else f"below {claim.below:g}"


def _points(sides: Sequence[ModelAt]) -> str:
    """Models; of points in the training of one, the model and the shares of its budget."""
    models = list(dict.fromkeys(side.model for side in sides))
    if len(models) > 1 or len(sides) == 1:
        return _codes(sides)
    return f"{_codes(models)} after {', '.join(f'{side.at:g}' for side in sides)} of its budget"


def _codes(things: Iterable[object], between: str = ", ") -> str:
    return between.join(f"`{thing}`" for thing in things)
