"""Generators that PyTorch saved with their network: TorchScript and `torch.export` files.

Both are programs. What they may hold as Python pickles is refused before PyTorch reads them; see
SECURITY.md for what remains.
"""

from __future__ import annotations

import io
import json
import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch
from torch import Tensor
from torch.export.passes import move_to_device_pass

from harness.core.errors import BadInput
from harness.families.pretrained.generator import failing
from harness.families.pretrained.latents import LatentGenerator, NetworkInputs

CHECKPOINT = (
    "is a checkpoint, of weights without their network or of pickled code, and is not read: "
    "export the generator once with torch.export.save(torch.export.export(model.eval(), (z,), "
    "dynamic_shapes=({0: torch.export.Dim('n')},)), 'model.pt2'), or name a function "
    "module:function that loads the weights"
)


class TorchScript(LatentGenerator):
    """A TorchScript file, whose `forward` takes latents and perhaps labels."""

    def read_inputs(self) -> NetworkInputs:
        """Whether `forward` has a second argument: the labels."""
        self._network = _script(self.path, self.name)
        needed = [
            argument
            for argument in self._network.forward.schema.arguments[1:]
            if not argument.has_default_value()
        ]
        if len(needed) not in (1, 2):
            listed = ", ".join(argument.name for argument in needed) or "nothing"
            raise BadInput(f"{self.name}: forward takes {listed}; latents and labels are needed")
        return NetworkInputs(has_labels=len(needed) == 2)

    def load(self, device: torch.device) -> None:
        """Moves the network there."""
        with failing(f"{self.name} cannot be moved to {device}:"):
            self._network = self._network.to(device)

    def run(self, latents: Tensor, labels: Tensor | None) -> object:
        """What `forward` returns."""
        return self._network(latents) if labels is None else self._network(latents, labels)


class ExportedGenerator(LatentGenerator):
    """A file of `torch.export.save`, whose program takes latents and perhaps labels."""

    def read_inputs(self) -> NetworkInputs:
        """The shapes and types of the program's inputs."""
        self._program = _exported(self.path, self.name)
        with failing(f"{self.name} cannot be read as an exported program:"):
            signature = self._program.graph_signature
            values = {
                node.name: node.meta["val"]
                for node in self._program.graph.nodes
                if node.op == "placeholder"
            }
            inputs = [values[name] for name in signature.user_inputs]
        kinds = [isinstance(x, Tensor) and x.is_floating_point() for x in inputs]
        if kinds not in ([True], [True, False]) or inputs[0].ndim < 2:
            raise BadInput(
                f"{self.name}: the program takes {len(inputs)} inputs; latents n×… in float, and "
                "perhaps labels n in int64, are needed"
            )
        count, *latent = inputs[0].shape
        if not all(isinstance(side, int) for side in latent):
            raise BadInput(f"{self.name}: latents of one size are needed; only n may be dynamic")
        return NetworkInputs(
            tuple(latent), has_labels=len(inputs) == 2, batch=count if isinstance(count, int) else 0
        )

    def load(self, device: torch.device) -> None:
        """Makes a module of the program, there."""
        with failing(f"{self.name} cannot be moved to {device}:"):
            self._network = _module(self._program, device)

    def run(self, latents: Tensor, labels: Tensor | None) -> object:
        """What the program returns."""
        return self._network(latents) if labels is None else self._network(latents, labels)


def read_torchscript(path: Path, name: str) -> Callable[[torch.device], Any]:
    """A function that gives the network of a TorchScript file on a device. Raises BadInput where
    it is no such file.
    """
    to: Callable[[torch.device], Any] = _script(path, name).to
    return to


def read_exported(path: Path, name: str) -> Callable[[torch.device], Any]:
    """A function that gives the module of a `torch.export` file on a device. Raises BadInput where
    it is no such file, or holds compiled code or pickled objects.
    """
    program = _exported(path, name)
    return lambda device: _module(program, device)


def _script(path: Path, name: str) -> Any:
    if not any("/code/" in member for member in _members(path, name)):
        raise BadInput(f"{name} {CHECKPOINT}")
    with failing(f"{name} cannot be read as TorchScript:"), _without_deprecation():
        network: Any = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
        return network.eval()


def _exported(path: Path, name: str) -> Any:
    _check_archive(path, name)
    with failing(f"{name} cannot be read as an exported program:"):
        return torch.export.load(str(path))


def _module(program: Any, device: torch.device) -> Any:
    moved = program if device.type == "cpu" else move_to_device_pass(program, str(device))
    return moved.module()


def _members(path: Path, name: str) -> list[str]:
    try:
        with ZipFile(path) as archive:
            return archive.namelist()
    except (BadZipFile, OSError) as error:
        raise BadInput(f"{name} {CHECKPOINT}") from error


def _check_archive(path: Path, name: str) -> None:
    """Raise BadInput where an exported program holds compiled code, or pickles: objects that
    PyTorch would otherwise unpickle.
    """
    members = _members(path, name)
    if not any(member.endswith("/archive_format") for member in members):
        raise BadInput(f"{name} is no file of torch.export.save, or one of a torch before 2.9")
    if any("/data/aotinductor/" in member for member in members):
        raise BadInput(f"{name} has compiled code; save the exported program itself")
    with ZipFile(path) as archive:
        for member in members:
            content = archive.read(member) if member.endswith(("_config.json", ".pt")) else b""
            if member.endswith("_config.json") and _names_pickle(content):
                raise BadInput(f"{name} has pickled objects, which could run code: {member}")
            if member.endswith(".pt") and not _is_plain(content):
                raise BadInput(f"{name} has pickled objects, which could run code: {member}")


def _names_pickle(content: bytes) -> bool:
    try:
        config = json.loads(content).get("config", {})
        entries = config.values() if isinstance(config, Mapping) else [{"use_pickle": True}]
        return any(entry.get("use_pickle", True) for entry in entries)
    except (ValueError, AttributeError):
        return True


def _is_plain(content: bytes) -> bool:
    """Whether it is tensors in plain containers, or nothing."""
    try:
        if content:
            torch.load(io.BytesIO(content), weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError):
        return False
    return True


@contextmanager
def _without_deprecation() -> Iterator[None]:
    """PyTorch says of every script that scripts will go; who holds one cannot help it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
