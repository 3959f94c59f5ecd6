"""The figures of a suite's report as SVG and PDF files."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable

import matplotlib as mpl
from matplotlib.figure import Figure

from harness.core.files import encoded
from harness.report import figures, suite_figures
from harness.report.export.file_names import unique_slugs
from harness.report.results import Results
from harness.report.svg import STYLE, render_svg

XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""Characters that names may have and XML may not."""


class FigureFiles:
    """Renders figures as two files each; a renderer of `harness.report.svg` that returns in place
    of a figure the number under which `contents` has its name and its files by suffix.
    """

    def __init__(self) -> None:
        self.contents: list[tuple[str, dict[str, bytes]]] = []

    def __call__(self, figure: Figure, name: str, alt: str) -> str:
        """Keeps the figure. The first words of `alt` say what is drawn, which it is named after."""
        shown = re.split(r"[.:,;]", alt)[0]
        svg = XML + NO_XML.sub("", render_svg(figure, name, alt))
        label = name if name.startswith("claim") else shown
        self.contents.append((label, {".svg": encoded(svg), ".pdf": render_pdf(figure)}))
        return str(len(self.contents) - 1)


def figure_files(results: Results) -> dict[str, bytes]:
    """Every figure of a suite's page, as an SVG and a PDF file below `figures/`: the forest plots
    of its claims, quality against speed, metrics over training, loss curves.
    """
    render = FigureFiles()
    drawn = {
        verdict.claim.id: figures.forest(verdict, f"claim-{verdict.claim.id}", render)
        for verdict in results.verdicts
    }
    labels = [label for numbers in drawn.values() for label in _labels(render, numbers)]
    labels += _labels(render, suite_figures.trade_offs(results, render))
    for plots in (suite_figures.metrics_over_training, suite_figures.loss_curves):
        for dataset, numbers in plots(results, render).items():
            labels += _labels(render, numbers, f" on {dataset}")
    names = unique_slugs(labels)
    return {
        f"figures/{name}{suffix}": content
        for name, (_, files) in zip(names, render.contents, strict=True)
        for suffix, content in files.items()
    }


def _labels(render: FigureFiles, numbers: Iterable[str], more: str = "") -> list[str]:
    return [render.contents[int(number)][0] + more for number in numbers]


def render_pdf(figure: Figure) -> bytes:
    """The figure as a PDF file of one page, the same bytes each time."""
    buffer = io.BytesIO()
    with mpl.rc_context({**STYLE, "pdf.fonttype": 42}):
        figure.savefig(buffer, format="pdf", metadata={"CreationDate": None, "Producer": None})
    return buffer.getvalue()
