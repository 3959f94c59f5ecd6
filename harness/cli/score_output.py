"""What `harness score` prints: tables in a terminal, tab-separated lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from harness.cli.tables import print_labelled, print_line, print_rows
from harness.core.counting import counted
from harness.core.terminal import Console, echo_row

if TYPE_CHECKING:
    from harness.core.measurement import Measurement
    from harness.evaluation.evidence import Evidence
    from harness.scoring import Scoring, Sets
    from harness.scoring.curve import Curve
    from harness.scoring.extras import Extras
    from harness.scoring.statistics import SetStatistics


def measure(console: Console, scoring: Scoring, evidence: Evidence) -> list[Measurement]:
    """Measure the rows; in a terminal, show how many of them there are meanwhile."""
    from harness.scoring import score as score_rows

    if not console.is_terminal:
        return list(score_rows(scoring, evidence))
    rows: list[Measurement] = []
    with console.status("measuring") as status:
        for row in score_rows(scoring, evidence):
            rows.append(row)
            status.update(f"measuring: {len(rows)} of {len(scoring.planned_measurements)}")
    return rows


def show_sets(console: Console, sets: Sets) -> None:
    """Print a line for each set of images."""
    from harness.data.imageset import size_text

    for name, images in sets.by_role().items():
        shape = size_text(images)
        others = counted(images.left_out, "other file")
        ignored = f"; {others} left out" if images.left_out else ""
        ignored += f"; {images.remark}" if images.remark else ""
        print_line(
            console,
            f"{name}: {images.description}, {counted(len(images), 'image')} {shape}{ignored}",
        )


def show_statistics(console: Console, sets: dict[str, SetStatistics]) -> None:
    """Print a line for each set of statistics."""
    for name, statistics in sets.items():
        origin, count = statistics.origin, statistics.count
        size = "an unknown number of images" if count is None else counted(count, "image")
        images = f"{size} {origin.shape}".strip()
        network = origin.extractor or "an unknown network"
        print_line(console, f"{name}: {origin.described}, {images}; features of {network}")


def show_rows(console: Console, rows: Sequence[Measurement], name: str = "") -> None:
    """Print the numbers of a set; `name` tells it from others where there are several. In a
    terminal, protocols stand below the table, where long lines can wrap.
    """
    if not console.is_terminal:
        for row in rows:
            echo_row((name, *row_cells(row)) if name else row_cells(row), err=console.stderr)
        return
    all_cells = [row_cells(row) for row in rows]
    heads = ("metric", "value", "", "to know")
    print_rows(console, heads, [(*cells[:3], cells[4]) for cells in all_cells])
    for row in rows:
        print_line(console, row.protocol.label(), "dim")


def show_extras(console: Console, extras: Extras, curve: Curve | None, sets: Sets) -> None:
    """Print the curve, and a line for each file that was written."""
    from harness.scoring.gallery import caption

    if curve:
        _show_curve(console, curve)
    if extras.gallery:
        print_line(console, f"{extras.gallery}: {caption(sets)}")
    if extras.statistics:
        print_line(console, f"{extras.statistics}: statistics of the samples' features")
    if extras.per_image:
        print_line(console, f"{extras.per_image}: the values of each image")


def _show_curve(console: Console, curve: Curve) -> None:
    """Print a row for each number of samples, the extrapolated FID, and how well the line fits."""
    rows = [
        (
            str(point.size),
            f"{point.frechet:.2f}",
            f"{point.kernel.value:.5f} ± {point.kernel.stderr:.5f} over {point.kernel.over}",
        )
        for point in curve.points
    ]
    limit = curve.limit
    error = limit.estimate.stderr or 0.0
    rows.append(("∞", f"{limit.estimate.value:.2f} ± {error:.2f} over images", ""))
    print_rows(console, ("samples", "fid", "kid"), rows)
    sizes = f"{limit.sizes[0]} to {limit.sizes[-1]}"
    print_line(
        console,
        f"fit: fid = {limit.estimate.value:.4g} + {limit.slope:.4g} / samples, "
        f"r² {limit.r_squared:.3f}, of {counted(len(limit.sizes), 'subset')} of {sizes} samples",
    )
    for caveat in curve.caveats:
        print_line(console, caveat)


def exit_on_failures(console: Console, rows: Sequence[Measurement]) -> None:
    """Name the metrics that failed, and end the command with code 1 where there is any."""
    failures = [row for row in rows if row.status == "failed"]
    for row in failures:
        print_labelled(console, "failed:", f"{row.metric}: {row.reason}", "red")
    if failures:
        raise typer.Exit(1)


def row_cells(row: Measurement) -> tuple[str, str, str, str, str]:
    """Metric, value, uncertainty, protocol, and remarks."""
    from harness.metrics import load_metric

    metric = load_metric(row.metric)
    label = row.protocol.label()
    if row.value is None:
        return row.metric, row.status, "", label, row.reason
    value = f"{row.value:.{metric.digits}f}{' ' * bool(metric.unit)}{metric.unit}"
    spread = "" if row.stderr is None else f"± {row.stderr:.{metric.digits}f} over {row.over}"
    return row.metric, value, spread, label, row.reason
