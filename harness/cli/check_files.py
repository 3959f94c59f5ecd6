"""The files that `harness check` writes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from harness.report.checks.words import CheckText


@dataclass(frozen=True)
class CheckFiles:
    """The files that a check writes."""

    junit: Annotated[
        Path | None, typer.Option(help="Write JUnit XML, a test for each comparison.")
    ] = None
    markdown: Annotated[
        Path | None,
        typer.Option(help="Write a summary; the file of $GITHUB_STEP_SUMMARY is added to."),
    ] = None

    def write(self, words: CheckText, seconds: float) -> None:
        """Write what was asked for."""
        from harness.data.output_files import write_output
        from harness.report.checks.junit import junit
        from harness.report.checks.markdown import check_markdown

        if self.junit:
            write_output(self.junit, junit(words, seconds))
        if self.markdown:
            write_markdown(self.markdown, check_markdown(words))


def write_markdown(file: Path, text: str) -> None:
    """Write a summary; to the file of $GITHUB_STEP_SUMMARY it is added."""
    from harness.data.output_files import write_output

    if str(file) == os.environ.get("GITHUB_STEP_SUMMARY"):
        with file.open("a", encoding="utf-8") as summary:  # other steps' are in it
            summary.write(text)
    else:
        write_output(file, text)
