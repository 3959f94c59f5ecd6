"""The figures of a suite's report as SVG and PDF files."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import matplotlib as mpl
from matplotlib.figure import Figure

from harness.core.files import encoded
from harness.report import figures, suite_figures
from harness.report.charts import Chart
from harness.report.export.file_names import unique_slugs
from harness.report.figure_drawing import draw_chart
from harness.report.results import Results
from harness.report.svg import STYLE, render_svg
from harness.report.task_figures import task_figures

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that names may have and XML may not."""


def figure_files(results: Results) -> dict[str, bytes]:
    """Every figure of a suite's page, as an SVG and a PDF file below `figures/`: the forest plots
    of its claims, quality against speed, figures of its tasks, metrics over training, loss curves.
    """
    charts = list(_charts(results))
    names = unique_slugs(label for label, _ in charts)
    files = {}
    for name, (_, chart) in zip(names, charts, strict=True):
        figure = draw_chart(chart)
        svg = XML + NO_XML.sub("", render_svg(figure, name, chart.alt))
        files[f"figures/{name}.svg"] = encoded(svg)
        files[f"figures/{name}.pdf"] = render_pdf(figure)
    return files


def _charts(results: Results) -> Iterator[tuple[str, Chart]]:
    """The charts of a page, each with what it shows, after which its files are named."""
    for verdict in results.verdicts:
        for chart in figures.forest(verdict):
            yield f"claim-{verdict.claim.id}", chart
    for trade_off in suite_figures.trade_offs(results):
        yield _subject(trade_off), trade_off
    for part in task_figures(results):
        for dataset, drawn in part.charts.items():
            yield from ((f"{part.id} {_subject(each)} on {dataset}", each) for each in drawn)
    for plots in (suite_figures.metrics_over_training, suite_figures.loss_curves):
        for dataset, curves in plots(results).items():
            yield from ((f"{_subject(each)} on {dataset}", each) for each in curves)


def _subject(chart: Chart) -> str:
    """The first words of its alternative text."""
    return re.split(r"[.:,;]", chart.alt)[0]


def render_pdf(figure: Figure) -> bytes:
    """The figure as a PDF file of one page, the same bytes each time."""
    buffer = io.BytesIO()
    with mpl.rc_context({**STYLE, "pdf.fonttype": 42}):
        figure.savefig(buffer, format="pdf", metadata={"CreationDate": None, "Producer": None})
    return buffer.getvalue()
