"""The interface of pretrained autoencoders, and the two simplest: a function, and files of
networks.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.core.files import file_sha256
from harness.families.pretrained.autoencoder_settings import PretrainedAutoencoderSettings
from harness.families.pretrained.generator import checked_images, failing
from harness.families.pretrained.torch_files import read_exported, read_torchscript
from harness.families.pretrained.user_function import (
    function_content,
    function_modules,
    load_function,
)


class ImageAutoencoder(ABC):
    """A pretrained model that gives images back; `load` reads its weights."""

    def __init__(self, settings: PretrainedAutoencoderSettings) -> None:
        self.name = settings.source
        self.settings = settings

    @abstractmethod
    def content(self) -> Mapping[str, str]:
        """What its images depend on: digests of files by name, versions of packages."""

    def modules(self) -> Sequence[str]:
        """The user's modules whose code makes its images."""
        return ()

    @abstractmethod
    def load(self, device: torch.device) -> None:
        """Reads the weights onto the device. Raises BadInput where they cannot be read."""

    @abstractmethod
    def call(self, x: Tensor) -> object:
        """What the model itself returns for images on its own scale."""

    def on_scale(self, x: Tensor) -> Tensor:
        """Images in [-1, 1] on the scale of the model."""
        return (x + 1) / 2 if self.settings.value_range == "0..1" else x

    def in_pieces(self, function: Callable[[Tensor], Any], inputs: Tensor) -> list[Any]:
        """What a function of the model returns for pieces of the inputs. Raises BadInput, naming
        the model, where it fails.
        """
        results = []
        for part in torch.split(inputs, self.settings.images_at_once):
            with failing(f"{self.name} fails with"), torch.inference_mode():
                results.append(function(part))
        return results

    def images(self, function: Callable[[Tensor], object], inputs: Tensor) -> Tensor:
        """Images float32 N×C×S×S in [-1, 1] that a function of the model makes. Raises BadInput
        where it fails, or returns anything but as many finite images in its range.
        """
        counts = [len(part) for part in torch.split(inputs, self.settings.images_at_once)]
        made = self.in_pieces(function, inputs)
        return torch.cat(
            [
                checked_images(self.name, output, count, self.settings.value_range)
                for output, count in zip(made, counts, strict=True)
            ]
        )


class CodingAutoencoder(ImageAutoencoder):
    """One that encodes and decodes."""

    def call(self, x: Tensor) -> object:
        """Decodes what it encodes."""
        return self.decode(self.encode(x))

    @abstractmethod
    def encode(self, x: Tensor) -> Tensor:
        """Images N×C×S×S on the model's scale → codes N×…."""

    @abstractmethod
    def decode(self, z: Tensor) -> object:
        """Codes N×… → images on the model's scale."""


class CallableAutoencoder(ImageAutoencoder):
    """`f(images)`, a function of the user's: images n×C×H×W to as many."""

    def __init__(self, settings: PretrainedAutoencoderSettings) -> None:
        super().__init__(settings)
        self.function: Any = load_function("autoencoder", settings.source, "images n×C×H×W")
        try:
            inspect.signature(self.function).bind(None)
        except TypeError as error:
            raise BadInput(f"{self.name} cannot be called as f(images): {error}") from error
        except ValueError:  # a builtin may hide its signature
            pass

    def content(self) -> Mapping[str, str]:
        """The digests of the files that the settings name."""
        return function_content(self.settings.source, self.settings.files)

    def modules(self) -> Sequence[str]:
        """The module that was named, and the one that defines the function."""
        return function_modules(self.settings.source, self.function)

    def load(self, device: torch.device) -> None:
        """Loads nothing: the function does, where it needs to."""

    def call(self, x: Tensor) -> object:
        """Calls the function."""
        return self.function(x)


class FileAutoencoder(ImageAutoencoder):
    """A file of a network from images to images: TorchScript (`.pt`) or `torch.export` (`.pt2`)."""

    def __init__(self, settings: PretrainedAutoencoderSettings, source: Path) -> None:
        super().__init__(settings)
        self._path, self._network = source, _read(source)

    def content(self) -> Mapping[str, str]:
        """The SHA-256 of the file."""
        return {"source": file_sha256(self._path)}

    def load(self, device: torch.device) -> None:
        """Moves the network there."""
        with failing(f"{self.name} cannot be moved to {device}:"):
            self._network = self._network(device)

    def call(self, x: Tensor) -> object:
        """What the network returns."""
        return self._network(x)


class PairAutoencoder(CodingAutoencoder):
    """An encoder and a decoder, each in a file as `FileAutoencoder` reads it."""

    def __init__(
        self, settings: PretrainedAutoencoderSettings, encoder: Path, decoder: Path
    ) -> None:
        super().__init__(settings)
        self._paths = {"source": encoder, "decoder": decoder}
        self._encoder, self._decoder = _read(encoder), _read(decoder)

    def content(self) -> Mapping[str, str]:
        """The SHA-256 of each file."""
        return {name: file_sha256(path) for name, path in self._paths.items()}

    def load(self, device: torch.device) -> None:
        """Moves both networks there."""
        with failing(f"{self.name} cannot be moved to {device}:"):
            self._encoder, self._decoder = self._encoder(device), self._decoder(device)

    def encode(self, x: Tensor) -> Tensor:
        """What the encoder returns."""
        codes: Tensor = self._encoder(x)
        return codes

    def decode(self, z: Tensor) -> object:
        """What the decoder returns."""
        return self._decoder(z)


def _read(path: Path) -> Callable[[Any], Any]:
    """A function of a device that gives the network there."""
    if path.suffix.lower() == ".pt2":
        return read_exported(path, path.name)
    return read_torchscript(path, path.name)
