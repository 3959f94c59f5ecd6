"""The mean image and principal components: linear maps that are fitted, and not trained."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from harness.core.errors import BadInput


def fixed(*size: int) -> nn.Parameter:
    """Zeros float64 of this size, to be fitted: numbers of a model that no step trains."""
    return nn.Parameter(torch.zeros(*size, dtype=torch.float64), requires_grad=False)


class MeanImage(nn.Module):
    """The mean of images of D values."""

    def __init__(self, values: int) -> None:
        super().__init__()
        self.mean = fixed(values)

    def fit(self, images: Iterable[Tensor]) -> int:
        """Takes the mean of batches N×C×S×S; returns how many images they have."""
        total, count = torch.zeros_like(self.mean), 0
        for x in images:
            total += x.double().flatten(1).sum(dim=0)
            count += len(x)
        self.mean.copy_(total / count)
        return count


class PrincipalComponents(MeanImage):
    """The first K principal components of images of D values (Hotelling 1933,
    doi:10.1037/h0071325), in float64.

    `components` K×D are orthonormal rows, of falling `variances` K, each with its largest number
    above 0: as in scikit-learn's `PCA`.
    """

    def __init__(self, values: int, count: int) -> None:
        super().__init__(values)
        self.components = fixed(count, values)
        self.variances = fixed(count)

    def fit(self, images: Iterable[Tensor]) -> int:
        """Fits the components to batches N×C×S×S, which are gone through twice; returns how many
        images they have. Raises BadInput where these are fewer than components.
        """
        number = super().fit(images)
        count, values = self.components.shape
        if number < max(count, 2):
            raise BadInput(f"{count} components need as many images; there are {number}")
        products = torch.zeros(values, values, dtype=torch.float64, device=self.mean.device)
        for x in images:
            centred = x.double().flatten(1) - self.mean
            products += centred.T @ centred
        variances, directions = torch.linalg.eigh(products / (number - 1))
        rows = directions.T.flip(0)[:count]
        largest = rows.gather(1, rows.abs().argmax(dim=1, keepdim=True))
        self.components.copy_(rows * largest.sign())
        self.variances.copy_(variances.flip(0)[:count].clamp(min=0))
        return number

    def forward(self, x: Tensor) -> Tensor:
        """x N×C×S×S → scores N×K, in the precision of x."""
        return ((x.double().flatten(1) - self.mean) @ self.components.T).to(x.dtype)

    def inverse(self, z: Tensor) -> Tensor:
        """Scores N×K → values N×D, in the precision of z."""
        return (z.double() @ self.components + self.mean).to(z.dtype)
