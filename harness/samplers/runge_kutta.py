"""An ordinary differential equation of many numbers, solved to a tolerance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from torch import Tensor

Slope = Callable[[float, Tensor], Tensor]
"""A time and the numbers at it, K float64 on the CPU → their slopes, K on any device."""


def runge_kutta(slope: Slope, first: Tensor, span: tuple[float, float], tolerance: float) -> Tensor:
    """The numbers at the end of `span` from the `first` ones at its start, both K, as float64 on
    the CPU: by Runge and Kutta's method of order 5(4) (Dormand & Prince 1980,
    doi:10.1016/0771-050X(80)90013-3), in steps as wide as relative and absolute `tolerance` allow
    for all of them together.
    """

    def of_arrays(s: float, state: NDArray[np.float64]) -> NDArray[np.float64]:
        return slope(s, torch.from_numpy(state)).double().cpu().numpy()

    solution = solve_ivp(
        of_arrays, span, first.double().cpu().numpy(), "RK45", t_eval=span[1:],
        rtol=tolerance, atol=tolerance,
    )  # fmt: skip
    return torch.from_numpy(solution.y[:, -1])
