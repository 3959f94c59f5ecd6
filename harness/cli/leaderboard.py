"""`harness leaderboard`: all that is comparable in a tracking store, across suites and users."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import board_output, option_groups, options, suite_options
from harness.cli.tables import console_beside, print_line
from harness.core.errors import BadInput
from harness.core.terminal import Console

if TYPE_CHECKING:
    from harness.config.quoted import Quote
    from harness.leaderboards.collection import CollectedEntries
    from harness.report.boards.view import Leaderboard
    from harness.tracking import Store


@dataclass(frozen=True)
class EntryOptions:
    """Which entries are ranked; all of them where an option is not given."""

    suites: Annotated[list[str] | None, typer.Option(help="Only results of these suites.")] = None
    models: Annotated[list[str] | None, typer.Option(help="Only these models.")] = None
    datasets: Annotated[list[str] | None, typer.Option(help="Only these datasets.")] = None
    metrics: Annotated[list[str] | None, typer.Option(help="Only these metrics.")] = None
    since: Annotated[
        datetime | None,
        typer.Option(help="Only runs begun on this day (UTC) or later.", formats=["%Y-%m-%d"]),
    ] = None

    def collect(self, store: Store) -> CollectedEntries:
        """The entries of the store. Raises BadInput where there is none."""
        from harness.leaderboards.collection import EntryFilter, collect_entries

        choice = EntryFilter(
            options.words(self.datasets),
            options.words(self.metrics),
            options.words(self.models),
            options.words(self.suites),
            self.since.replace(tzinfo=UTC) if self.since else None,
        )
        collected = collect_entries(store, choice)
        if not collected.entries:
            raise BadInput(
                f"nothing has been measured in {store.name}"
                f"{' since that day' if self.since else ''}; run a suite first, or name another "
                "tracking store with --tracking-uri or --output"
            )
        return collected


@dataclass(frozen=True)
class BoardFiles:
    """The files that boards are written to, by their form."""

    html: Annotated[Path | None, typer.Option(help="Write a page with figures.")] = None
    markdown: Annotated[Path | None, typer.Option(help="Write Markdown.")] = None
    csv: Annotated[Path | None, typer.Option(help="Write a line for each entry.")] = None
    latex: Annotated[Path | None, typer.Option(help="Write tables with booktabs.")] = None
    json: Annotated[Path | None, typer.Option(help="Write all of it as JSON, for programs.")] = None


@option_groups.with_option_groups
def leaderboard(
    results: suite_options.StoreOptions,
    entries: EntryOptions,
    board_files: BoardFiles,
    against: Annotated[
        str | None,
        typer.Option(help="Compare every entry with this model, and mark significant differences."),
    ] = None,
    quoted: Annotated[
        Path | None, typer.Option(help="A YAML file of numbers from papers, shown apart.")
    ] = None,
) -> None:
    """Rank all results in a tracking store, across suites and machines; runs nothing.

    Numbers are ranked only against numbers of the same protocol; others stand apart, with the field
    that differs.

    **Examples**

        harness leaderboard

        harness leaderboard --metrics fid,recall --against gan/dcgan --html board.html

        harness leaderboard --suites mnist --quoted papers.yaml --latex board.tex --csv board.csv

        harness leaderboard --tracking-uri https://mlflow.example.org --since 2026-01-01
    """
    files = {form: file for form, file in vars(board_files).items() if file}
    options.check_output_options(files.values(), [quoted], store=results.file())
    quotes = _quotes(quoted) if quoted else ()
    _rank(results.open_existing(), entries, files, against, quotes)


def _rank(
    store: Store,
    entries: EntryOptions,
    files: dict[str, Path],
    against: str | None,
    quotes: tuple[Quote, ...],
) -> None:
    from harness.leaderboards.standings import standings
    from harness.report.boards.view import Leaderboard
    from harness.report.templating import now

    metrics = options.words(entries.metrics)
    order = standings(entries.collect(store), metrics, against, quotes)
    board = Leaderboard(order, store.name, now())
    console = console_beside(*files.values())
    if not files:
        board_output.show_leaderboard(console, board)
    _write(console, board, files)


def _quotes(file: Path) -> tuple[Quote, ...]:
    from harness.config.quoted import load_quoted
    from harness.metrics import load_metric

    return load_quoted(file, lambda quote: load_metric(quote.metric))


def _write(console: Console, board: Leaderboard, files: dict[str, Path]) -> None:
    from harness.data.output_files import write_output
    from harness.report.boards import latex, pages, record

    makers = {
        "html": pages.boards_html,
        "markdown": pages.boards_markdown,
        "csv": record.csv,
        "latex": latex.latex,
        "json": record.boards_json,
    }
    for form, file in files.items():
        write_output(file, makers[form](board))
        print_line(console, f"Written: {file}")
