"""Samples in the plane, and the density that the data are drawn from."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d

from harness.evaluation import truth  # noqa: F401 - declares the requirement "modes"
from harness.evaluation.evidence import Evidence
from harness.evaluation.figure_data.declaration import figure_data
from harness.evaluation.pictures.sheets import png_bytes

POINTS = 250
"""Samples of a seed that are kept, the first ones."""
SIDE, REACH = 96, 1.0
"""Pixels of the picture of the density, which covers [-REACH, REACH]²."""
FINER = 4
"""The density is averaged over this many places a pixel, in both directions: modes may be as small
as a pixel."""
GREY = 128
"""Told from a white and from a black page."""


@figure_data("plane-samples", beside="sample_modes", requires=("samples", "modes"))
def plane_samples(e: Evidence) -> Mapping[str, Any]:
    """`xs` and `ys` of the first samples, and `density`, a PNG in base64; empty where images are no
    points in the plane. `reach` is the half side of the square that the picture covers.
    """
    samples = e["samples"]
    if tuple(samples.shape[1:]) != (2, 1, 1):
        return {}
    xs, ys = samples[:POINTS].flatten(1).double().nan_to_num(2 * REACH).clamp(-9, 9).T
    return {
        "xs": [round(x, 3) for x in xs.tolist()],
        "ys": [round(y, 3) for y in ys.tolist()],
        "density": base64.b64encode(_density_png(e)).decode(),
        "reach": REACH,
    }


def _density_png(e: Evidence) -> bytes:
    """The density as grey that is the less transparent, the higher the density's square root."""
    places = SIDE * FINER
    axis = (torch.arange(places, dtype=torch.float64) + 0.5) / places * 2 * REACH - REACH
    grid = torch.cartesian_prod(axis.flip(0), axis).flip(1)  # rows from the top
    log: Tensor = e["truth"].log_density(grid.view(-1, 2, 1, 1))
    density = avg_pool2d((log - log.max()).exp().view(1, places, places), FINER)
    alpha = (density / density.max()).sqrt().mul(255).round().to(torch.uint8)
    image = Image.new("LA", (SIDE, SIDE), (GREY, 0))
    image.putalpha(Image.frombytes("L", (SIDE, SIDE), alpha.numpy().tobytes()))
    return png_bytes(image)
