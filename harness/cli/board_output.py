"""What `harness leaderboard` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from harness.cli.tables import print_line, print_titled_table, widen_unless_terminal
from harness.core.terminal import Console

if TYPE_CHECKING:
    from harness.leaderboards.aggregate import MetricSummary
    from harness.leaderboards.board import Board, Row
    from harness.leaderboards.standings import Standings
    from harness.report.boards.view import Leaderboard

OUTCOMES = {
    "better": "green",
    "worse": "red",
    "higher": "dim",
    "lower": "dim",
    "not told apart": "dim",
}


def show_leaderboard(console: Console, leaderboard: Leaderboard) -> None:
    """Every board, best first, then summaries over all datasets, and notes."""
    from harness.report.boards import view

    widen_unless_terminal(console)
    standings = leaderboard.standings
    print_line(console, view.headline(standings))
    for board in standings.boards:
        _board(console, board, standings)
    for summary in standings.summaries:
        _summary(console, summary, standings)
    _fronts(console, standings)
    _quoted(console, standings)
    _closing(console, standings)


def _board(console: Console, board: Board, standings: Standings) -> None:
    from harness.report import tables
    from harness.statistics.formatting import number

    metric = standings.metrics[board.metric]
    heads = ["rank", "rank in", "model", "images", tables.heading(metric), "95 % interval"]
    heads += ["seeds"] + [f"against {board.against}"] * bool(board.against)
    rows = [_cells(board, row, standings) for row in board.rows]
    if board.floor and board.floor.mean is not None:
        floor = number(board.floor.mean, metric.digits)
        blank = [""] * (len(heads) - 5)
        rows.append(["", "", f"[dim]{escape(board.floor.model)}[/dim]", "", floor, *blank])
    print_titled_table(console, f"{metric.heading} on {board.dataset}", heads, rows)
    if board.apart:
        print_line(console, f"Not comparable with the board above: {board.apart}.", "yellow")
    print_line(console, f"{board.protocol}; {board.mean} over {board.over}", "dim")


def _cells(board: Board, row: Row, standings: Standings) -> list[str]:
    from harness.report import tables
    from harness.report.boards import view

    cell = tables.cell(board, standings.metrics[board.metric], row.model, {})
    name = escape(row.model.removesuffix(" (quoted)")) + " [dim]quoted[/dim]" * row.quoted
    for word in standings.marks.get((board.dataset, row.model), ()):
        name += f" [yellow]{word}[/yellow]"
    images = "–" if row.quoted else view.budget(standings.images[row.model]).text
    value = escape(", ".join(filter(None, (cell.text, cell.problems))))
    seeds = str(row.seeds or "")
    cells = [str(cell.rank or ""), cell.ranks, name, images, value, escape(cell.interval), seeds]
    if board.against:
        comparison = escape(f"{cell.outcome} {cell.versus}".strip())
        cells.append(f"[{OUTCOMES.get(cell.outcome, 'dim')}]{comparison}[/]")
    return cells


def _summary(console: Console, summary: MetricSummary, standings: Standings) -> None:
    from harness.report.boards import view

    title = f"{standings.metrics[summary.metric].heading} over {', '.join(summary.datasets)}"
    if not summary.standings:
        console.print()
        print_line(console, f"{title}: {summary.problem}")
        return
    heads = ("model", "interquartile mean", f"better than {summary.reference}", "runs")
    rows = [
        (s.model, view.format_estimate(s.iqm), view.probability(s.improvement), str(s.runs))
        for s in summary.standings
    ]
    print_titled_table(console, title, heads, [list(map(escape, row)) for row in rows])
    caption = f"of {view.scale(summary)}; stratified 95 % bootstrap intervals over seeds"
    print_line(console, f"{caption}. {view.partial(summary)}".rstrip(), "dim")


def _fronts(console: Console, standings: Standings) -> None:
    if standings.fronts:
        console.print()
    for front in standings.fronts:
        heading = standings.metrics[front.quality.metric].heading
        title = f"{heading} against {front.axis} on {front.quality.dataset}"
        print_line(console, f"Pareto front of {title}: {', '.join(front.best)}")


def _quoted(console: Console, standings: Standings) -> None:
    from harness.report.boards import view

    if standings.mentions:
        heads = ("model", "dataset", "metric", "value", "spread", "source", "comparable")
        rows = [
            (
                m.quote.model,
                m.quote.on,
                m.quote.metric,
                str(m.quote.value),
                view.spread(m),
                m.quote.source,
                f"no: {m.apart}" if m.apart else "yes",
            )
            for m in standings.mentions
        ]
        title = "Quoted from papers, not measured here"
        print_titled_table(console, title, heads, [list(map(escape, row)) for row in rows])


def _closing(console: Console, standings: Standings) -> None:
    """The notes of the boards, and which cells gave no numbers."""
    console.print()
    for notice in standings.notices:
        print_line(console, notice, "yellow")
    for (dataset, label), marks in standings.marks.items():
        for word, reason in marks.items():
            print_line(console, f"{word}: {label} on {dataset}: {reason}")
    for lost in standings.collected.lost:
        cell = f"{lost.label} on {lost.dataset}, seed {lost.seed} (run {lost.run_id[:8]})"
        print_line(console, f"{lost.status}: {cell}: {lost.reason}", "red")
