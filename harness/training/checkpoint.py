"""Checkpoints: one safetensors file each, written whole or not at all, and checked when read."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from harness.core.files import atomic_write, file_sha256
from harness.families.base import Family
from harness.training.average import copy_with

RAW = "raw/"
"""Before the names of raw weights in a file that has averaged ones too."""

KEPT = 2
"""The last checkpoint, and the one before it in case the last turns out to be damaged."""


class Checkpoints:
    """The checkpoints of one training run, in a folder of their own."""

    def __init__(self, folder: Path, every_seconds: float = 20.0) -> None:
        self.folder = folder
        self.every_seconds = every_seconds
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether `every_seconds` have passed since the last one, or since the start."""
        return time.monotonic() - self._last >= self.every_seconds

    def save(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Writes a checkpoint; `values` are plain types and hold the `step`.

        Where it cannot be written (a full disk), a warning says so, and training goes on: a run
        that is then killed goes on from an older one.
        """
        text = json.dumps(values)
        metadata = {"values": text, "sha256": _digest(tensors, text)}
        file = self.folder / f"step-{values['step']:010d}.safetensors"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_tensors(tensors, file, metadata)
        except (OSError, SafetensorError) as error:
            warnings.warn(f"no checkpoint could be written: {error}", stacklevel=2)
            return
        finally:
            self._last = time.monotonic()
        for old in self._files()[KEPT:]:
            old.unlink(missing_ok=True)

    def latest(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Tensors (on the CPU) and values of the newest checkpoint that is whole, or None."""
        for file in self._files():
            try:
                return _read(file)
            except (SafetensorError, ValueError, KeyError, OSError) as error:
                warnings.warn(f"checkpoint {file.name} is damaged, ignored: {error}", stacklevel=2)
        return None

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("step-*.safetensors"), reverse=True)


def save_weights(family: Family, path: Path) -> str:
    """Writes the networks' weights to one safetensors file: after training, what is measured, and
    the raw weights where these are an average. Returns the file's SHA-256.
    """
    tensors = dict(family.networks.state_dict())
    if family.raw is not None:
        tensors |= {RAW + name: tensor for name, tensor in family.raw.state_dict().items()}
    write_tensors(tensors, path)
    return file_sha256(path)


def load_weights(family: Family, path: Path) -> None:
    """Gives an untrained `family` the weights that `save_weights` wrote, ready to be measured."""
    tensors = load_file(path)
    raw = {name: tensors.pop(name) for name in list(tensors) if name.startswith(RAW)}
    family.networks.load_state_dict(tensors)
    family.networks.eval()
    if raw:
        weights = {name.removeprefix(RAW): tensor for name, tensor in raw.items()}
        family.raw = copy_with(family.networks, weights)


def write_tensors(
    tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str] | None = None
) -> None:
    """Writes a safetensors file; whatever happens, `path` is either as it was or complete."""
    contiguous = {name: t.contiguous() for name, t in tensors.items()}
    atomic_write(path, lambda file: save_file(contiguous, file, metadata), durable=True)


def _read(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    with safe_open(file, framework="pt") as content:
        metadata = content.metadata() or {}
        names = content.keys()
        tensors = {name: content.get_tensor(name) for name in names}
    text = metadata["values"]
    if _digest(tensors, text) != metadata["sha256"]:
        raise ValueError("its content does not match its digest")
    return tensors, json.loads(text)


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    sha = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        sha.update(tensor.numpy().tobytes())
    return sha.hexdigest()
