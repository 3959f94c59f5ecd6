"""`mu` and `sigma` in an `.npz`, as pytorch-fid, clean-fid, EDM and ADM publish them for data sets.
ADM's files have `mu_s` and `sigma_s` too, of the spatial features that sFID compares.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from harness.core.errors import BadInput
from harness.metrics.statistics import Moments

NAMES = ("mu", "sigma")
SPATIAL_NAMES = ("mu_s", "sigma_s")
MAX_BYTES = 2**30
"""Of one array: the covariance of 11,000 features."""


def is_moments(where: str) -> bool:
    """Whether a place is an `.npz` of `mu` and `sigma`; images may be beside them."""
    return set(NAMES) <= _names(Path(where))


def has_spatial(where: str) -> bool:
    """Whether an `.npz` has the statistics that sFID compares."""
    return set(SPATIAL_NAMES) <= _names(Path(where))


def has_images(where: str) -> bool:
    """Whether an `.npz` has images beside its statistics."""
    return "arr_0" in _names(Path(where))


def load_moments(file: Path, names: tuple[str, str] = NAMES) -> tuple[Moments, str]:
    """The mean and covariance that an `.npz` has under these names, and their digest. Raises
    BadInput where it has none.
    """
    first, second = names
    if missing := set(names) - _names(file):
        raise BadInput(f"{file}: has no {' and no '.join(sorted(missing))}, which sFID compares")
    with ZipFile(file) as archive:
        for info in archive.infolist():
            if info.file_size > MAX_BYTES and info.filename.removesuffix(".npy") in names:
                raise BadInput(f"{file}: {info.filename} has {info.file_size:,} bytes, too many")
    try:
        with np.load(file, allow_pickle=False) as arrays:
            mu, sigma = np.asarray(arrays[first]), np.asarray(arrays[second])
    except (ValueError, OSError, EOFError, BadZipFile, MemoryError) as error:
        raise BadInput(f"{file}: {first} and {second} cannot be read ({error})") from error
    _check(file, mu, sigma)
    sha = hashlib.sha256()
    for array in (mu, sigma):
        sha.update(np.ascontiguousarray(array, np.float64).data)
    tensors = (torch.from_numpy(array.astype(np.float64)) for array in (mu, sigma))
    return Moments(*tensors), sha.hexdigest()


def _names(path: Path) -> set[str]:
    """The names of the arrays in an `.npz`; empty for any other file."""
    if path.suffix.lower() != ".npz" or not path.is_file():
        return set()
    try:
        with ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (BadZipFile, OSError):
        return set()  # whoever reads it as images says what is wrong


def _check(file: Path, mu: NDArray[np.generic], sigma: NDArray[np.generic]) -> None:
    if mu.ndim != 1 or not len(mu) or sigma.shape != (len(mu), len(mu)):
        raise BadInput(
            f"{file}: mu has shape {mu.shape} and sigma {sigma.shape}; d and d×d are needed"
        )
    if mu.dtype.kind != "f" or sigma.dtype.kind != "f":
        raise BadInput(f"{file}: mu is {mu.dtype} and sigma {sigma.dtype}; floats are needed")
    values = sigma.astype(np.float64)
    if not (np.isfinite(mu.astype(np.float64)).all() and np.isfinite(values).all()):
        raise BadInput(f"{file}: mu or sigma has NaN or infinite values")
    if np.abs(values - values.T).max() > 1e-5 * np.abs(values).max() or values.diagonal().min() < 0:
        raise BadInput(f"{file}: sigma is no covariance: it is not symmetric, or below zero")
