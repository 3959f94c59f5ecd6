"""The pages of a site, from a folder of published reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from harness.config.claim import Claim
from harness.config.claim_files import ClaimFile
from harness.core.errors import BadInput
from harness.report.ledger import OUTCOMES, Ledger, fooling_text, rule
from harness.report.page import ICONS
from harness.report.site.board_page import boards_page
from harness.report.site.number_history import published_history
from harness.report.site.papers import source_links
from harness.report.site.places import BOARDS, CLAIMS, FIGURES, HISTORY, README
from harness.report.site.published_numbers import read_published
from harness.report.site.questions import answers
from harness.report.site.readme import STATES, readme
from harness.report.site.recorded import claim_outcome, forests, look_history, seed_rows
from harness.report.site.report_cards import ReportCard, report_cards
from harness.report.table_comparison import figures_summary
from harness.report.templating import data_uri, template_environment, value_text


def build_site(reports: Path) -> dict[str, str]:
    """Returns the pages of a site by their places in the folder `reports`: `index.html`, the boards
    across suites, the history of their numbers, the page of published figures, one of each claim in
    `claims/`, and a `README.md` for those who read the folder on the page of a repository. They are
    the same whenever they are made. Raises BadInput where a report is not what was published, or
    has the name of a folder of the site.
    """
    if (reports / CLAIMS / "verdicts.json").exists():
        raise BadInput(f"{reports / CLAIMS}: a report of this name; pages of claims have it")
    ledger = Ledger.of(reports)
    cards = list(report_cards(reports, ledger))
    history = published_history(reports, HISTORY)
    pages = {
        "index.html": _index(reports, ledger, cards),
        BOARDS: boards_page(read_published(reports), history),
        HISTORY: history.text(),
        FIGURES: _figures_page(ledger),
        README: readme(ledger, cards),
    }
    for shelf in ledger.shelves:
        for claim in shelf.claims:
            pages[f"{CLAIMS}/{claim.id}.html"] = _claim_page(claim, shelf, ledger)
    return pages


def _index(reports: Path, ledger: Ledger, cards: Sequence[ReportCard]) -> str:
    claims = [claim for shelf in ledger.shelves for claim in shelf.claims]
    counts = Counter(claim_outcome(ledger.on(claim)) for claim in claims)
    return _render(
        "site_index.html",
        shelves=ledger.shelves,
        ledger=ledger,
        answers=answers(reports, ledger),
        counts=[(name, counts[name]) for name in STATES if counts[name] or name in OUTCOMES],
        total=len(claims),
        reports=cards,
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
        forests=[forests(each) for each in verdicts],
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


def _render(template: str, **values: Any) -> str:
    environment = template_environment(autoescape=True)
    environment.filters.update(sources=source_links)
    return environment.get_template(template).render(
        icons={**ICONS, "contested": "±", "not run": "·"},
        claim_outcome=claim_outcome,
        image=lambda file: data_uri(file.read_bytes()),
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
