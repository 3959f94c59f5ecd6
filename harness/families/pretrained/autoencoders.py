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
from harness.core.user_code import import_object, suite_folder
from harness.families.pretrained.autoencoder_settings import PretrainedAutoencoderSettings
from harness.families.pretrained.generator import checked_images, failing
from harness.families.pretrained.torch_files import read_exported, read_torchscript


class ImageAutoencoder(ABC):
    """A pretrained model that gives images back; `load` reads its weights.

    `has_codes` says that it encodes and decodes, `codebook_size` how many entries its codebook has,
    0 where it has none, and `has_posterior` that its codes are Gaussians.
    """

    has_codes = False
    codebook_size = 0
    has_posterior = False

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

    def encode(self, x: Tensor) -> Tensor:
        """Images N×C×S×S on the model's scale → codes N×…."""
        raise NotImplementedError

    def decode(self, z: Tensor) -> object:
        """Codes N×… → images on the model's scale."""
        raise NotImplementedError

    def symbols(self, x: Tensor) -> Tensor:
        """Images N×C×S×S on the model's scale → entries of its codebook, int64 N×H×W."""
        raise NotImplementedError

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Images N×C×S×S on the model's scale → mean and log-variance, each N×…."""
        raise NotImplementedError

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


class CallableAutoencoder(ImageAutoencoder):
    """`f(images)`, a function of the user's: images n×C×H×W to as many."""

    def __init__(self, settings: PretrainedAutoencoderSettings) -> None:
        super().__init__(settings)
        self.function: Any = import_object("autoencoder", settings.source)
        if not callable(self.function) or isinstance(self.function, type):
            kind = "a class" if isinstance(self.function, type) else type(self.function).__name__
            raise BadInput(f"{self.name} is {kind}; a function of images n×C×H×W is needed")
        try:
            inspect.signature(self.function).bind(None)
        except TypeError as error:
            raise BadInput(f"{self.name} cannot be called as f(images): {error}") from error
        except ValueError:  # a builtin may hide its signature
            pass

    def content(self) -> Mapping[str, str]:
        """The digests of the files that the settings name."""
        folder = suite_folder() or Path()
        digests = {}
        for name in self.settings.files:
            if not (path := folder / name).is_file():
                raise BadInput(f"files: {path} is not a file")
            digests[name] = file_sha256(path)
        return {"callable": self.settings.source, **digests}

    def modules(self) -> Sequence[str]:
        """The module that was named, and the one that defines the function."""
        named = self.settings.source.partition(":")[0]
        return tuple(dict.fromkeys((named, getattr(self.function, "__module__", named))))

    def load(self, device: torch.device) -> None:
        """Loads nothing: the function does, where it needs to."""

    def call(self, x: Tensor) -> object:
        """Calls the function."""
        return self.function(x)


class FileAutoencoder(ImageAutoencoder):
    """A file of a network from images to images, or a pair of an encoder and a decoder: TorchScript
    (`.pt`) or `torch.export` (`.pt2`).
    """

    def __init__(
        self, settings: PretrainedAutoencoderSettings, source: Path, decoder: Path | None
    ) -> None:
        super().__init__(settings)
        self._paths = (source,) if decoder is None else (source, decoder)
        self.has_codes = decoder is not None
        self._networks = [self._read(path) for path in self._paths]

    def content(self) -> Mapping[str, str]:
        """The SHA-256 of each file."""
        names = ("source", "decoder")
        return {name: file_sha256(path) for name, path in zip(names, self._paths, strict=False)}

    def load(self, device: torch.device) -> None:
        """Moves the networks there."""
        with failing(f"{self.name} cannot be moved to {device}:"):
            self._networks = [network(device) for network in self._networks]

    def call(self, x: Tensor) -> object:
        """What the networks return, one after the other."""
        return self.decode(self.encode(x)) if self.has_codes else self._networks[0](x)

    def encode(self, x: Tensor) -> Tensor:
        """What the encoder returns."""
        codes: Tensor = self._networks[0](x)
        return codes

    def decode(self, z: Tensor) -> object:
        """What the decoder returns."""
        return self._networks[1](z)

    def _read(self, path: Path) -> Callable[[Any], Any]:
        """A function of a device that gives the network there."""
        if path.suffix.lower() == ".pt2":
            return read_exported(path, path.name)
        return read_torchscript(path, path.name)
