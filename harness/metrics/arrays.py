"""What public functions take for a tensor: NumPy arrays too, and tensors that carry gradients."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from harness.core.errors import BadInput

P = ParamSpec("P")
R = TypeVar("R")


def takes_arrays(function: Callable[P, R]) -> Callable[P, R]:
    """`function` with each parameter annotated as a Tensor made one: NumPy arrays are taken without
    a copy, gradients are left behind. Anything else raises BadInput.
    """
    signature = inspect.signature(function)
    kinds = {
        name: str(parameter.annotation).split(" | ")
        for name, parameter in signature.parameters.items()
    }
    of_tensors = {name: others for name, (first, *others) in kinds.items() if first == "Tensor"}

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        for name in of_tensors.keys() & bound.arguments.keys():
            bound.arguments[name] = _tensor(name, bound.arguments[name], of_tensors[name])
        return function(*bound.args, **bound.kwargs)

    return call


def _tensor(name: str, value: Any, others: Sequence[str]) -> Any:
    if isinstance(value, Tensor):
        if value.layout is not torch.strided:
            raise BadInput(f"{name} is a tensor of layout {value.layout}; give {name}.to_dense()")
        return value.detach()
    if isinstance(value, np.ndarray) and not isinstance(value, np.ma.MaskedArray):
        return _from_array(name, value)
    if type(value).__name__ in others:
        return value
    raise BadInput(f"{name} is a {type(value).__name__}; a tensor or a NumPy array is needed")


def _from_array(name: str, value: np.ndarray) -> Tensor:
    try:
        native = value.astype(value.dtype.newbyteorder("="), copy=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return torch.from_numpy(np.ascontiguousarray(native))
    except TypeError as error:
        raise BadInput(f"{name} is an array of {value.dtype}, which no tensor holds") from error
