"""Where the pages of a site are, so that reports can link them."""

from __future__ import annotations

from pathlib import Path

FIGURES = "published-figures.html"
"""The page of published figures, beside the first page."""
CLAIMS = "claims"
"""The folder of the pages of claims, beside the folders of the reports."""
BOARDS = "boards.html"
"""The page of boards across suites."""
HISTORY = "history.csv"
"""The numbers that published reports had, in a file beside the first page."""
README = "README.md"
"""The index for those who read the folder on the page of a repository."""


def claim_pages(reports: Path) -> frozenset[str]:
    """The ids of the claims that have a page in a folder of reports; none where it is no site."""
    return frozenset(file.stem for file in (reports / CLAIMS).glob("*.html"))
