"""`harness site`: the pages that bind published reports together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.core.counting import counted
from harness.core.output_folder import PUBLISHED
from harness.core.terminal import echo


def site(
    reports: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="The folder of the published reports.")
    ] = PUBLISHED,
) -> None:
    """Write the site of a folder of published reports: questions, claims and reports on one page,
    boards across suites and published figures on others, a page of each claim, a README.md for the
    page of a repository, and history.csv, which keeps what reports said before. It opens from the
    folder and fetches nothing.

    Questions come from `questions.yaml` in the folder, if it is there.

    **Examples**

        harness site

        harness site /tmp/reports
    """
    from harness.core.errors import BadInput
    from harness.data.output_files import write_output
    from harness.report.site.build import build_site
    from harness.report.site.places import CLAIMS, README
    from harness.report.site.readme import is_foreign

    if not any(reports.glob("*/verdicts.json")):
        raise BadInput(f"{reports}: no published report; `harness report SUITE --publish` puts one")
    pages = build_site(reports)
    if is_foreign(reports / README):
        del pages[README]
        echo(f"{reports / README}: not of `harness site`, and left as it is")
    (reports / CLAIMS).mkdir(exist_ok=True)
    for name, text in pages.items():
        write_output(reports / name, text)
    for file in (reports / CLAIMS).glob("*.html"):
        if f"{CLAIMS}/{file.name}" not in pages:  # of a claim that is no more
            file.unlink()
    claims = sum(name.startswith(f"{CLAIMS}/") for name in pages)
    echo(f"{reports / 'index.html'}: {counted(claims, 'claim')}")
