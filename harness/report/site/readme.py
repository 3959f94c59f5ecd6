"""The index of a folder of reports in Markdown, which the page of a repository shows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from harness.config.claim import Claim
from harness.report.ledger import OUTCOMES, Ledger, RecordedVerdict
from harness.report.site.recorded import claim_outcome
from harness.report.site.report_cards import ReportCard
from harness.report.templating import template_environment

STATES = (*OUTCOMES, "contested", "not run")
"""What a claim may have come to, in the order in which pages count them."""
WRITTEN = "<!-- Written by `harness site`. -->"
"""The first line; a page without it was written by others."""


def readme(ledger: Ledger, cards: Sequence[ReportCard]) -> str:
    """Returns the index: each report with a picture and its verdicts, and the claims by what they
    came to, with the reports that say so.
    """
    claims = [claim for shelf in ledger.shelves for claim in shelf.claims]
    by_outcome: dict[str, list[tuple[Claim, list[RecordedVerdict]]]] = {s: [] for s in STATES}
    for claim in claims:
        verdicts = ledger.on(claim)
        by_outcome[claim_outcome(verdicts)].append((claim, verdicts))
    text = (
        template_environment(autoescape=False)
        .get_template("site_readme.md")
        .render(
            cards=cards,
            by_outcome=by_outcome,
            total=len(claims),
            address=quote,
        )
    )
    return f"{WRITTEN}\n\n{text}"


def is_foreign(file: Path) -> bool:
    """Whether there is a file that `readme` did not write."""
    return file.exists() and not file.read_bytes().startswith(WRITTEN.encode())
