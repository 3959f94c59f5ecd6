"""How far a model's images may be from its reference's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from harness.core.errors import BadInput
from harness.regression.fixed_models.measures import MEASURES
from harness.regression.tolerance import parse_tolerances


def pair_tolerances(texts: Iterable[str]) -> Mapping[str, float]:
    """Reads tolerances such as `lpips=0.05` and `psnr=35`, by measure: the largest allowed mean,
    for PSNR the smallest. Raises BadInput for any other form and for an unknown measure.
    """
    tolerances = parse_tolerances(texts, MEASURES)
    for name, tolerance in tolerances.items():
        if tolerance.relative:
            raise BadInput(f"tolerance {name}={tolerance}: write an amount, as in lpips=0.05")
    return {name: tolerance.amount for name, tolerance in tolerances.items()}
