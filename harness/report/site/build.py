"""The pages of a site, from a folder of published reports."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from harness.config.claim import Claim
from harness.config.claim_files import ClaimFile
from harness.core.errors import BadInput
from harness.report.ledger import OUTCOMES, Ledger, RecordedVerdict, fooling_text, rule
from harness.report.page import ICONS
from harness.report.published_figures import figures_summary
from harness.report.site.places import CLAIMS, FIGURES
from harness.report.site.questions import answers
from harness.report.site.recorded import claim_outcome, forests, look_history, seed_rows
from harness.report.templating import data_uri, template_environment, value_text

STATES = (*OUTCOMES, "contested", "not run")
"""What a claim may have come to, in the order in which pages count them."""
PICTURES = ("samples", "translations", "reconstructions")
"""The kinds of pictures that stand for a report, the first that it has."""

_LINK = re.compile(r"doi:(10\.[^\s,;()]+(?:\([^\s)]*\))?[^\s,;()]*)|arXiv:(\d{4}\.\d{4,5})")


@dataclass(frozen=True)
class ReportCard:
    """What the first page says of a report."""

    name: str
    title: str
    date: str
    verdicts: Counter[str]
    picture: str
    """The data URI of a picture; empty where the report has none."""


def build_site(reports: Path) -> dict[str, str]:
    """Returns the pages of a site by their places in the folder `reports`: `index.html`, the page
    of published figures, and one of each claim in `claims/`. They are the same whenever they are
    made. Raises BadInput where a report is not what was published, or has the name of a folder of
    the site.
    """
    if (reports / CLAIMS / "verdicts.json").exists():
        raise BadInput(f"{reports / CLAIMS}: a report of this name; pages of claims have it")
    ledger = Ledger.of(reports)
    pages = {"index.html": _index(reports, ledger), FIGURES: _figures_page(ledger)}
    for shelf in ledger.shelves:
        for claim in shelf.claims:
            pages[f"{CLAIMS}/{claim.id}.html"] = _claim_page(claim, shelf, ledger)
    return pages


def _index(reports: Path, ledger: Ledger) -> str:
    claims = [claim for shelf in ledger.shelves for claim in shelf.claims]
    counts = Counter(claim_outcome(ledger.on(claim)) for claim in claims)
    return _render(
        "site_index.html",
        shelves=ledger.shelves,
        ledger=ledger,
        answers=answers(reports, ledger),
        counts=[(name, counts[name]) for name in STATES if counts[name] or name in OUTCOMES],
        total=len(claims),
        reports=list(_report_cards(reports, ledger)),
        figures=figures_summary(ledger.published),
    )


def _claim_page(claim: Claim, shelf: ClaimFile, ledger: Ledger) -> str:
    verdicts = ledger.on(claim)
    return _render(
        "site_claim.html",
        claim=claim,
        shelf=shelf,
        verdicts=verdicts,
        missing="" if verdicts else _code(ledger.missing(claim)),
        rule=_code(rule(claim)),
        fooling=fooling_text(claim),
        forests=[forests(each, f"forest{i}") for i, each in enumerate(verdicts)],
        rows=[list(seed_rows(each)) for each in verdicts],
        looks=[look_history(each) for each in verdicts],
        suites=ledger.suites.get(claim.id, []),
        tables=ledger.published_on(claim),
    )


def _figures_page(ledger: Ledger) -> str:
    """The page of published figures beside ours."""
    return _render(
        "site_figures.html", tables=ledger.published, summary=figures_summary(ledger.published)
    )


def _report_cards(reports: Path, ledger: Ledger) -> Iterator[ReportCard]:
    by_report: dict[Path, list[RecordedVerdict]] = {}
    for verdict in ledger.findings:
        by_report.setdefault(verdict.report.parent, []).append(verdict)
    for folder in sorted(file.parent for file in reports.glob("*/verdicts.json")):
        verdicts = by_report.get(folder, [])
        if not verdicts:
            continue
        suite = verdicts[0].suite
        counts = Counter(verdict.outcome for verdict in verdicts)
        yield ReportCard(
            folder.name, suite["title"], suite["generated_at"][:10], counts, _picture(folder)
        )


def _picture(folder: Path) -> str:
    files = sorted((folder / "pictures").glob("*.png"))
    for kind in PICTURES:
        if of_kind := [file for file in files if f"-{kind}-" in file.name]:
            return data_uri(of_kind[0].read_bytes())
    return ""


def _render(template: str, **values: Any) -> str:
    environment = template_environment(autoescape=True)
    environment.filters.update(sources=_sources)
    return environment.get_template(template).render(
        icons={**ICONS, "contested": "±", "not run": "·"},
        claim_outcome=claim_outcome,
        value=value_text,
        **values,
    )


def _code(text: str) -> Markup:
    """Text in which `words` between backticks are code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part)
        for i, part in enumerate(parts)
    )


def _sources(text: str) -> Markup:
    """Text in which each `doi:` and `arXiv:` number is a link."""

    def link(match: re.Match[str]) -> str:
        doi, arxiv = match.groups()
        address = f"https://doi.org/{doi}" if doi else f"https://arxiv.org/abs/{arxiv}"
        return f'<a href="{address}">{match.group()}</a>'

    return Markup(_LINK.sub(link, str(escape(text))))
