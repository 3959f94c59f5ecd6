"""What a model gives, checked before anything is measured of it: count, shape, type, range.

A number of samples on another scale, of half the images, or of NaN would look like any other. So
each method that evidence asks of a model is checked at every call, whoever wrote the family.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from harness.core.error_location import defined
from harness.families.base import Family

TOLERANCE = 1 / 255
"""Beyond [-1, 1]: half a step of 8 bits, which is rounded to the same byte."""
MIDDLE = 128
"""The byte that 0 is stored as."""

Check = Callable[[Any, Sequence[Any]], str]
"""Of an output and the arguments that it was given for: what is wrong with it, or nothing."""


class WrongOutput(Exception):  # noqa: N818 - reads as what it is
    """A model gave something that is not what its method promises."""


def checked(model: Family, reference: Tensor) -> Family:
    """The model, with every output checked: WrongOutput, with the place in its code, for a wrong
    one. `reference` are images N×C×S×S as the dataset stores them, to which its images must be
    alike: in [-1, 1] where these are pixels.
    """
    copied = copy.copy(model)
    for name, check in _checks(reference).items():
        method = getattr(model, name, None)
        if callable(method):
            setattr(copied, name, _checking(name, method, check))
    return copied


def _checking(name: str, method: Callable[..., Any], check: Check) -> Callable[..., Any]:
    @wraps(method)
    def call(*arguments: Any) -> Any:
        _check_call(name, method, arguments)
        output = method(*arguments)
        if wrong := check(output, arguments):
            raise WrongOutput(f"{name} {wrong} ({defined(method) or type(method).__name__})")
        return output

    return call


def _check_call(name: str, method: Callable[..., Any], arguments: Sequence[Any]) -> None:
    try:
        inspect.signature(method).bind(*arguments)
    except TypeError as error:
        raise WrongOutput(
            f"{name} is called with {len(arguments)} arguments: {error} ({defined(method)})"
        ) from error
    except ValueError:  # a method that has no signature to be read
        pass


def _checks(reference: Tensor) -> dict[str, Check]:
    """By the name of the method. All take the images, codes, labels or texts first, or their
    number.
    """
    of_pixels, shape = not reference.is_floating_point(), tuple(reference.shape[1:])
    images = _image_check(shape, of_pixels)
    made = ("sample", "sample_labels", "sample_texts", "opponent_samples", "decode", "mix_styles")
    from_others = ("reconstruct", "restore", "translate", "fill_in")
    each: tuple[str, ...] = (
        "score", "discriminate", "elbo", "importance_bound", "ode_log_likelihood", "code_bits",
    )  # fmt: skip
    return {
        **dict.fromkeys((*made, *from_others), images),
        **dict.fromkeys(each, _values),
        **dict.fromkeys(("encode", "latents"), _codes),
        "posterior": _gaussians,
        "score_map": lambda output, inputs: _floats(output, (_count(inputs), *shape[1:])),
    }


def _count(inputs: Sequence[Any]) -> int:
    first = inputs[0]
    return first if isinstance(first, int) else len(first)


def _image_check(shape: tuple[int, ...], of_pixels: bool) -> Check:
    def check(output: Any, inputs: Sequence[Any]) -> str:
        wrong = _floats(output, (_count(inputs), *shape))
        return wrong or (_out_of_range(output) if of_pixels else "")

    return check


def _out_of_range(images: Tensor) -> str:
    low, high = (float(extreme) for extreme in images.aminmax())
    if low >= -1 - TOLERANCE and high <= 1 + TOLERANCE:
        return ""
    return f"gave values from {low:.4g} to {high:.4g}; images lie in [-1, 1]"


def _values(output: Any, inputs: Sequence[Any]) -> str:
    return _floats(output, (_count(inputs),))


def _codes(output: Any, inputs: Sequence[Any]) -> str:
    if isinstance(output, Tensor) and output.ndim != 2:
        return f"gave a tensor of shape {_text(output.shape)}; codes are N×d"
    width = output.shape[1] if isinstance(output, Tensor) else 0
    return _floats(output, (_count(inputs), width))


def _gaussians(output: Any, inputs: Sequence[Any]) -> str:
    if not isinstance(output, tuple | list) or len(output) != 2:
        return f"gave a {type(output).__name__}; a mean and a log-variance are needed, each N×d"
    mean, logvar = output
    wrong = _codes(mean, inputs)
    return wrong or _floats(logvar, tuple(mean.shape))


def _floats(output: Any, shape: tuple[int, ...]) -> str:
    """Of what must be a tensor of finite floating-point numbers of this shape."""
    if not isinstance(output, Tensor):
        return f"gave a {type(output).__name__}; a tensor is needed"
    if tuple(output.shape) != shape:
        return _wrong_shape(tuple(output.shape), shape)
    if not output.is_floating_point():
        return f"gave {str(output.dtype).removeprefix('torch.')}; floating-point numbers are needed"
    broken = int((~torch.isfinite(output)).sum())
    return f"gave {broken:,} numbers of {output.numel():,} that are not finite" if broken else ""


def _wrong_shape(shape: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if shape[:1] != expected[:1] and shape[1:] == expected[1:]:
        return f"gave {shape[0]:,} where {expected[0]:,} were asked for"
    return f"gave a tensor of shape {_text(shape)}; {_text(expected)} is needed"


def _text(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "no dimension"


def scale_fault(made: Tensor, reference: Tensor, of: Tensor | None = None) -> str:
    """What is wrong with stored images none of which is below 0, where the mean of the data is.

    Images in [0, 1] are within [-1, 1] too, so that only a comparison tells. It spares what is no
    matter of scale: images all of one colour, faint ones, as a model gives that has hardly learnt,
    and images that are dark where those that they were made `of` are bright.
    """
    if made.is_floating_point() or made.numel() == 0 or int(made.min()) < MIDDLE:
        return ""
    mean = float(reference.float().mean()) / 127.5 - 1
    if mean >= 0 or bool((made == made.flatten()[0]).all()):
        return ""
    if int(made.max()) - MIDDLE < (int(reference.max()) - MIDDLE) / 2:
        return ""
    if of is not None and of.shape == made.shape and _covariance(made, of) <= 0:
        return ""
    return (
        f"gave no value below 0, where the mean of the data is {mean:.2f}; images lie in [-1, 1],"
        " not in [0, 1]"
    )


def _covariance(a: Tensor, b: Tensor) -> float:
    a, b = a.double(), b.double()
    return float(((a - a.mean()) * (b - b.mean())).mean())
