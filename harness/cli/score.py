"""`harness score`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.evaluation.kinds import Role
    from harness.score import Scoring
    from harness.spec.measurement import Measurement


def score(
    samples: Annotated[
        str,
        typer.Argument(
            help="A folder of images, an .npz or .npy of uint8 N×H×W×C, or a dataset's split."
        ),
    ],
    reference: Annotated[
        str | None, typer.Option(help="What to compare with: the same forms, e.g. cifar10:test.")
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(
            help="What the model was trained on; the train split of a dataset's test split."
        ),
    ] = None,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="Compare image by image, matched by name.")
    ] = False,
    captions: Annotated[
        Path | None,
        typer.Option(help="The text of each sample: a .csv (file,caption) or a .jsonl of such."),
    ] = None,
    metrics: Annotated[
        list[str] | None, typer.Option(help="Only these; those that suit the sets if not said.")
    ] = None,
    extractor: Annotated[
        str | None,
        typer.Option(help="Feature network; the dataset's, or inception, if not said."),
    ] = None,
    perceptual: Annotated[
        str | None,
        typer.Option(help="Network of LPIPS; the dataset's, or lpips:alex, if not said."),
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Network of CLIP score; clip if not said, or clip:NAME.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Metrics and networks as this library has them: torch-fidelity, clean-fid, "
            "torchmetrics, scikit-image or piq."
        ),
    ] = None,
    device: options.Device = "auto",
    data_root: options.DataRoot = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write rows, sets and environment to this file.")
    ] = None,
    log: Annotated[
        bool, typer.Option("--log", help="Log to MLflow, in the experiment “score”.")
    ] = False,
    output: options.Output = Path("reports"),
    tracking_uri: options.Tracking = None,
) -> None:
    """Measure images that are there: a folder or an array of samples against a reference.

    Against a dataset's split the numbers have the protocol of a suite's and rank beside them.

    **Examples**

        harness score samples/ --reference cifar10:test

        harness score samples.npz --reference real/ --metrics fid,kid,precision,recall

        harness score decoded/ --reference originals/ --pairs

        harness score samples/ --reference real/ --profile clean-fid

        harness score samples/ --captions prompts.csv --metrics clip_score --json scores.json
    """
    from harness.score import load_profile, load_sets, make_scoring, with_captions
    from harness.training.numerics import Numerics

    numerics = Numerics.resolve(device, threads=options.cores())
    library = load_profile(profile) if profile else None
    if json_file:
        from harness.score.document import check_writable

        check_writable(json_file)
    sets = load_sets(samples, reference, train, paired=pairs, root=data_root)
    if captions:
        sets = with_captions(sets, captions)
    networks: dict[Role, str | None] = {
        "extractor": extractor,
        "perceptual": perceptual,
        "text": text,
    }
    scoring = make_scoring(sets, options.words(metrics), networks, numerics, library)
    console = Console()
    rows = _measure(console, scoring)
    _show(console, scoring, rows)
    if json_file:
        from harness.score.document import document, write

        write(document(scoring, rows), json_file)
    if log:
        from harness.score.document import log as log_rows

        store = options.open_store(tracking_uri, output)
        run = log_rows(scoring, rows, store)
        console.print(f"Run: {run} in {escape(store.uri)}", highlight=False, soft_wrap=True)
    _finish(console, rows)


def _measure(console: Console, scoring: Scoring) -> list[Measurement]:
    from harness.score import score as measured

    if not console.is_terminal:
        return list(measured(scoring))
    rows: list[Measurement] = []
    with console.status("measuring") as status:
        for row in measured(scoring):
            rows.append(row)
            status.update(f"measuring: {len(rows)} of {len(scoring.wanted)}")
    return rows


def _show(console: Console, scoring: Scoring, rows: Sequence[Measurement]) -> None:
    from harness.data.imageset import size_text

    for name, images in scoring.sets.named().items():
        shape = size_text(images.images)
        ignored = f"; {images.left_out} other files left out" if images.left_out else ""
        console.print(
            escape(f"{name}: {images.description}, {len(images):,} images {shape}{ignored}"),
            highlight=False,
            soft_wrap=True,
        )
    if console.is_terminal:
        _table(console, rows)
    else:
        for row in rows:
            typer.echo("\t".join(_cells(row)))


def _table(console: Console, rows: Sequence[Measurement]) -> None:
    """Numbers side by side; how each was measured, below, where long lines can wrap."""
    table = Table("metric", "value", "", "to know")
    for row in rows:
        name, value, spread, _, remark = (escape(text) for text in _cells(row))
        table.add_row(name, value, spread, remark)
    console.print(table)
    for row in rows:
        console.print(escape(row.protocol.label()), style="dim", highlight=False, soft_wrap=True)


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


def _finish(console: Console, rows: Sequence[Measurement]) -> None:
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
