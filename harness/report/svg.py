"""Matplotlib figures as SVG: the same bytes each time, in the ink of what it stands in."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#010203"
"""Stands for the page's text colour, light or dark: replaced by `currentColor` on writing."""

STYLE: Any = {
    "svg.fonttype": "none",  # text stays text, in the page's font
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.6,
    "axes.titlelocation": "left",
    "lines.linewidth": 1.2,
}


@contextmanager
def canvas(
    width: float, height: float, left: float = 0.55, right: float = 0.1
) -> Iterator[tuple[Figure, Axes]]:
    """A figure of `width` × `height` inches with one set of axes, in the report's style.

    The margins are fixed (`left` and `right` in inches): fitting them to the labels takes most of
    the time of a figure.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes(
            (left / width, 0.45 / height, 1 - (left + right) / width, 1 - 0.72 / height)
        )
        yield figure, axes


def _compact(svg: str) -> str:
    """A figure without what a page has no use for: metadata, fonts, which the page's style sets,
    indentation, and digits of paths beyond a hundredth of a point.
    """
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r" font-family: [^;\"]*;?", "", svg)
    svg = re.sub(r'(?<=\bd=")[^"]*', _rounded_path, svg)
    return re.sub(r"\n\s+", "\n", svg)


def _rounded_path(path: re.Match[str]) -> str:
    return re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", path[0])


def render_svg(figure: Figure, name: str, alt: str) -> str:
    """The figure as an `<svg>` element. `name` makes its ids unique in the page."""
    buffer = io.StringIO()
    with mpl.rc_context({**STYLE, "svg.hashsalt": "harness"}):
        figure.savefig(
            buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)
    return _compact(text).replace("<svg", f'<svg role="img" aria-label="{escape(alt)}"', 1)
