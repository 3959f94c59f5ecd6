"""What `harness score` prints: tables in a terminal, tab-separated lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer
from rich.markup import escape
from rich.table import Table

from harness.core.counting import counted
from harness.core.terminal import Console, echo_row

if TYPE_CHECKING:
    from harness.core.measurement import Measurement
    from harness.evaluation.evidence import Evidence
    from harness.score import Scoring, Sets
    from harness.score.curve import Curve
    from harness.score.extras import Extras
    from harness.score.statistics import SetStatistics


def measure(console: Console, scoring: Scoring, evidence: Evidence) -> list[Measurement]:
    """The rows, and how many are there while they are computed."""
    from harness.score import score as measured

    if not console.is_terminal:
        return list(measured(scoring, evidence))
    rows: list[Measurement] = []
    with console.status("measuring") as status:
        for row in measured(scoring, evidence):
            rows.append(row)
            status.update(f"measuring: {len(rows)} of {len(scoring.wanted)}")
    return rows


def print_line(console: Console, text: str) -> None:
    """A line of text as it is, however long."""
    console.print(escape(text), highlight=False, soft_wrap=True)


def show_sets(console: Console, sets: Sets) -> None:
    """What is compared."""
    from harness.data.imageset import size_text

    for name, images in sets.named().items():
        shape = size_text(images)
        others = counted(images.left_out, "other file")
        ignored = f"; {others} left out" if images.left_out else ""
        ignored += f"; {images.remark}" if images.remark else ""
        print_line(
            console,
            f"{name}: {images.description}, {counted(len(images), 'image')} {shape}{ignored}",
        )


def show_statistics(console: Console, sets: dict[str, SetStatistics]) -> None:
    """What is compared, where that is statistics."""
    for name, known in sets.items():
        origin = known.origin
        of = "how many images is not said" if known.count is None else counted(known.count, "image")
        shaped = f"{of} {origin.shape}".strip()
        network = origin.extractor or "a network that is not said"
        print_line(console, f"{name}: {origin.described}, {shaped}; features of {network}")


def show_rows(console: Console, rows: Sequence[Measurement], name: str = "") -> None:
    """Numbers side by side; how each was measured, below, where long lines can wrap. `name` is
    whose they are, where there are others.
    """
    if not console.is_terminal:
        for row in rows:
            echo_row((name, *_cells(row)) if name else _cells(row), err=console.stderr)
        return
    shown = [_cells(row) for row in rows]
    _table(console, ("metric", "value", "", "to know"), [(*c[:3], c[4]) for c in shown])
    for row in rows:
        console.print(escape(row.protocol.label()), style="dim", highlight=False, soft_wrap=True)


def show_extras(console: Console, extras: Extras, curve: Curve | None, sets: Sets) -> None:
    """The curve, and what was written where."""
    from harness.score.gallery import caption

    if curve:
        _show_curve(console, curve)
    if extras.gallery:
        print_line(console, f"{extras.gallery}: {caption(sets)}")
    if extras.statistics:
        print_line(console, f"{extras.statistics}: statistics of the samples' features")


def _show_curve(console: Console, curve: Curve) -> None:
    """A line a size, and the value at no end of samples."""
    cells = [
        (
            str(point.size),
            f"{point.frechet:.2f}",
            f"{point.kernel.value:.5f} ± {point.kernel.stderr:.5f} over {point.kernel.over}",
        )
        for point in curve.points
    ]
    limit = curve.limit
    error = limit.estimate.stderr or 0.0
    cells.append(("∞", f"{limit.estimate.value:.2f} ± {error:.2f} over images", ""))
    heads = ("samples", "fid", "kid")
    if console.is_terminal:
        _table(console, heads, cells)
    else:
        for row in (heads, *cells):
            echo_row(row, err=console.stderr)
    sizes = f"{limit.sizes[0]} to {limit.sizes[-1]}"
    print_line(
        console,
        f"fit: fid = {limit.estimate.value:.4g} + {limit.slope:.4g} / samples, "
        f"r² {limit.r_squared:.3f}, of {counted(len(limit.sizes), 'subset')} of {sizes} samples",
    )
    for caveat in curve.caveats:
        print_line(console, caveat)


def finish(console: Console, rows: Sequence[Measurement]) -> None:
    """End by naming what failed."""
    failed = [row for row in rows if row.status == "failed"]
    for row in failed:
        console.print(
            f"[red]failed:[/red] {escape(f'{row.metric}: {row.reason}')}",
            highlight=False,
            soft_wrap=True,
        )
    if failed:
        raise typer.Exit(1)


def _table(console: Console, heads: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(*heads)
    for row in rows:
        table.add_row(*(escape(text) for text in row))
    console.print(table)


def _cells(row: Measurement) -> tuple[str, str, str, str, str]:
    """Metric, value, uncertainty, protocol, and what must be known of it."""
    from harness.metrics import load_metric

    metric = load_metric(row.metric)
    label = row.protocol.label()
    if row.value is None:
        return row.metric, row.status, "", label, row.reason
    value = f"{row.value:.{metric.digits}f}{' ' * bool(metric.unit)}{metric.unit}"
    spread = "" if row.stderr is None else f"± {row.stderr:.{metric.digits}f} over {row.over}"
    return row.metric, value, spread, label, row.reason
