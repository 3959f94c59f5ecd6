"""`harness export` and `harness badge`: what of a suite leaves the machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import option_groups, suite_options
from harness.core.counting import counted
from harness.core.errors import BadInput
from harness.core.output_folder import ensure_output
from harness.core.terminal import echo

if TYPE_CHECKING:
    from harness.plan import Plan
    from harness.report.results import Results

EXPORTS = "exports"
"""The folder of exports in the folder of results."""

From = Annotated[
    Path | None,
    typer.Option("--from", help="Take the results of this folder of a report, without a store."),
]


@option_groups.with_optional_suite
def export(
    chosen: suite_options.SuiteOptions,
    to: Annotated[
        Path | None,
        typer.Option(
            help=f"The folder to write, or a file that ends in .zip. Default: in {EXPORTS}/ of the "
            "folder of results.",
        ),
    ] = None,
    folder: From = None,
    plain: Annotated[
        bool,
        typer.Option("--plain", help="Without RO-Crate and Croissant, which need harness[export]."),
    ] = False,
) -> None:
    """Write what others need of a suite into one folder or zip file; runs nothing.

    The suite, recipes, results, verdicts, the environment, checksums and a script that runs it
    again; figures as SVG and PDF; LaTeX tables, numbers as macros, BibTeX; results in the formats
    of Every Eval Ever and of Hugging Face; metadata as RO-Crate and Croissant.

    **Examples**

        harness export quickstart

        harness export mnist --budget-scale 0.05 --to mnist.zip

        harness export --from reports/quickstart --to paper-results --plain
    """
    from harness.report.export.contents import check_extra, export_files
    from harness.report.export.target import check_target, write_export

    _check_source(chosen, folder)
    if not plain:
        check_extra()
    if to is not None:
        check_target(to, *([folder] if folder else []))
    results, plan, name = _results(chosen, folder)
    target = to or chosen.results.output / EXPORTS / name
    if to is None:
        ensure_output(chosen.results.output)
        target.parent.mkdir(exist_ok=True)
        check_target(target)
    files = export_files(results, plan, is_plain=plain)
    write_export(files, target)
    echo(f"{target}: {counted(len(files), 'file')}")


@option_groups.with_optional_suite
def badge(
    chosen: suite_options.SuiteOptions,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")] = Path(
        "badge.svg"
    ),
    folder: From = None,
    claim: Annotated[str | None, typer.Option(help="The verdict on this claim.")] = None,
    metric: Annotated[str | None, typer.Option(help="The mean of this metric.")] = None,
    model: Annotated[str | None, typer.Option(help="The model whose number it is.")] = None,
    dataset: Annotated[
        str | None, typer.Option(help="The dataset of the number, where there are several.")
    ] = None,
) -> None:
    """Write a badge for a README: the verdict on a claim, or one number. An SVG file that fetches
    nothing.

    **Examples**

        harness badge quickstart --claim gan-faster -o gan-faster.svg

        harness badge --from reports/quickstart --metric fid --model gan/dcgan -o fid.svg
    """
    from harness.cli.options import check_output_options
    from harness.data.output_files import STDOUT, check_suffix, write_output
    from harness.report.badge import claim_badge, number_badge

    _check_source(chosen, folder)
    if bool(claim) == bool(metric):
        raise BadInput("name either a --claim, or a --metric with its --model")
    if claim and (model or dataset):
        raise BadInput("--model and --dataset go with --metric: a claim names its own")
    check_suffix(out, "--out", "a picture (SVG)", ".svg")
    check_output_options([out], [folder / "report.json"] if folder else [])
    results, _, _ = _results(chosen, folder)
    svg = claim_badge(results, claim) if claim else number_badge(results, metric, model, dataset)
    write_output(out, svg)
    echo(f"{out}: {len(svg.encode())} bytes", err=out == STDOUT)


def _check_source(chosen: suite_options.SuiteOptions, folder: Path | None) -> None:
    if bool(chosen.suite) == bool(folder):
        raise BadInput("name either a suite or, with --from, the folder of a report")


def _results(
    chosen: suite_options.SuiteOptions, folder: Path | None
) -> tuple[Results, Plan | None, str]:
    """The results of a suite or of a report's folder, the plan of a suite, and the name of the
    report's folder.
    """
    if folder:
        from harness.report.archive import read_record
        from harness.report.derivation import derive_results

        return derive_results(read_record(folder)), None, folder.resolve().name
    from harness.plan.identity import identify
    from harness.report.folders import report_folder
    from harness.report.publish import gather
    from harness.tracking.collection import suite_runs
    from harness.tracking.suites import find_suite

    plan, store, records = chosen.measured()
    identity = identify(plan.loaded, store)
    results = gather(plan, store, records)
    parent = find_suite(store, identity, plan.suite_key)
    if run := suite_runs(store).get(parent or ""):
        recorded = dict(results.environment) | dict(run.environment)
        results = replace(results, environment=recorded)
    return results, plan, report_folder(plan, identity, chosen.results.output).name
