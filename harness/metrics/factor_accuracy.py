"""Whether images show what their texts ask for: shape, size, turn, place, colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from harness.core.errors import BadInput
from harness.metrics.arrays import takes_arrays
from harness.metrics.averages import MeanOverImages
from harness.metrics.base import Metric

__all__ = ["factors_right"]


@takes_arrays
def factors_right(asked_factors: Tensor, sample_factors: Tensor) -> Tensor:
    """Which factors of each image are as asked: bool n×F, of int64 n×F."""
    alike = asked_factors.shape == sample_factors.shape and asked_factors.ndim == 2
    if not alike or len(asked_factors) == 0:
        shapes = tuple(asked_factors.shape), tuple(sample_factors.shape)
        raise BadInput(f"factors asked for and read must be n×F both, not {shapes[0]}, {shapes[1]}")
    return asked_factors == sample_factors


def _share(asked_factors: Tensor, sample_factors: Tensor) -> Tensor:
    return factors_right(asked_factors, sample_factors).double().mean(dim=1)


def _all(asked_factors: Tensor, sample_factors: Tensor) -> Tensor:
    return factors_right(asked_factors, sample_factors).all(dim=1).double()


def _one(factor: str) -> Callable[[Tensor, Tensor, Sequence[str]], Tensor]:
    def right(asked_factors: Tensor, sample_factors: Tensor, factor_names: Sequence[str]) -> Tensor:
        if factor not in factor_names:
            raise BadInput(f"the images have no factor {factor}, only {', '.join(factor_names)}")
        column = list(factor_names).index(factor)
        return factors_right(asked_factors, sample_factors)[:, column].double()

    return right


def _metric(name: str, title: str, per_image: Callable[..., Tensor]) -> Metric:
    return Metric(
        name, MeanOverImages(per_image), "higher", title, "", kind="text", range=(0.0, 1.0)
    )


FACTOR_ACCURACY = _metric("factor_accuracy", "factor accuracy", _share)
ALL_FACTORS_ACCURACY = _metric("all_factors_accuracy", "accuracy of all factors at once", _all)
SHAPE_ACCURACY = _metric("shape_accuracy", "accuracy of the shape", _one("shape"))
SCALE_ACCURACY = _metric("scale_accuracy", "accuracy of the size", _one("scale"))
ROTATION_ACCURACY = _metric("rotation_accuracy", "accuracy of the turn", _one("rotation"))
X_ACCURACY = _metric("x_accuracy", "accuracy of the place across", _one("x"))
Y_ACCURACY = _metric("y_accuracy", "accuracy of the height", _one("y"))
COLOUR_ACCURACY = _metric("colour_accuracy", "accuracy of the colour", _one("colour"))
