"""Figures with axes as PNG files: few colours, the same bytes each time."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from PIL import Image

from harness.evaluation.pictures.sheets import png_bytes

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#777777"
"""Told apart with any colour vision (Okabe & Ito 2008, Color Universal Design)."""
DOTS = 100
"""Pixels per inch."""
COLOURS = 48
"""Colours of a file: what is drawn has fewer, and the rest is the edges of letters and points."""

STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
}


def figure_png(
    width: float, height: float, draw: Callable[[Any], None], caption: str = ""
) -> bytes:
    """A figure of `width` × `height` inches on which `draw` has drawn, as the bytes of a PNG."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), dpi=DOTS, layout="constrained")
        draw(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
    image = Image.open(buffer).convert("RGB")
    return png_bytes(
        image.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE), caption
    )
