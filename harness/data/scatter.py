"""Points in the plane as a PNG file."""

from __future__ import annotations

import io
from typing import Any

from torch import Tensor

MOST = 2500
"""Points of each kind that are drawn, the first ones: more would hide how dense they are."""

SIDE = 600
"""Pixels."""

STYLE: Any = {
    "font.size": 8,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}


def is_plane(images: Tensor) -> bool:
    """Whether images N×C×H×W are points in the plane."""
    return tuple(images.shape[1:]) == (2, 1, 1)


def scatter(points: Tensor, data: Tensor) -> bytes:
    """`points` N×2×1×1, blue, over `data`, grey, on [-1, 1]²: the bytes of a PNG.

    The title says how many points lie outside.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    points, data = points[:MOST].flatten(1), data[:MOST].flatten(1)
    outside = int((points.abs() > 1).any(dim=1).sum())
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4, 4), dpi=SIDE / 4, layout="constrained")
        axes = figure.add_subplot(aspect="equal", xlim=(-1, 1), ylim=(-1, 1))
        axes.set(xticks=(-1, 0, 1), yticks=(-1, 0, 1))
        axes.scatter(data[:, 0], data[:, 1], s=7, color="0.78", linewidths=0)
        axes.scatter(points[:, 0], points[:, 1], s=3, color="#0072b2", alpha=0.6, linewidths=0)
        if outside:
            axes.set_title(f"{outside:,} of {len(points):,} outside", fontsize=8, loc="right")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
