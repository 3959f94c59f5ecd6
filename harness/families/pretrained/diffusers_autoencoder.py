"""Autoencoders of diffusers: a folder of one, a pipeline's, or a repository of the hub."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from harness.config.json_files import parse_json
from harness.core.errors import BadInput, error_text
from harness.core.optional_packages import load_optional
from harness.families.pretrained.autoencoder_settings import PretrainedAutoencoderSettings
from harness.families.pretrained.autoencoders import CodingAutoencoder
from harness.families.pretrained.generator import failing
from harness.families.pretrained.pipeline_files import (
    HUB,
    PICKLED,
    WEIGHTS,
    fetch_snapshot,
    file_digests_of,
)
from harness.families.pretrained.source_paths import source_file
from harness.networks.hub import quiet

CONFIG = "config.json"
PARTS = ("", "vae", "vqvae", "vqgan", "movq")
"""Where an autoencoder lies: in the folder itself, or as a part of a pipeline."""
CLASSES = ("AutoencoderKL", "AutoencoderTiny", "AsymmetricAutoencoderKL", "VQModel")


class DiffusersAutoencoder(CodingAutoencoder):
    """`AutoencoderKL` (its code is the mode of the posterior), `VQModel` and their kin.

    `codebook_size` says how many entries its codebook has, 0 where it has none, and `has_posterior`
    that its codes are Gaussians.
    """

    codebook_size = 0

    def __init__(self, settings: PretrainedAutoencoderSettings) -> None:
        super().__init__(settings)
        self._package = load_optional("diffusers", "diffusers", self.name)
        self.folder = _folder(settings)
        self._config = _read_config(self.folder, self.name)
        kind = self._config["_class_name"]
        self.has_posterior = kind.endswith("AutoencoderKL")
        if kind == "VQModel":
            self.codebook_size = self._entries()

    @property
    def channels(self) -> int:
        """Channels of the images that it takes."""
        return int(self._value("in_channels"))

    def content(self) -> Mapping[str, str]:
        """The digests of its files, and the version of the package that runs it."""
        return {**file_digests_of(self.folder), "diffusers": version("diffusers")}

    def load(self, device: torch.device) -> None:
        """Reads the weights, as safetensors alone."""
        kind = getattr(self._package, self._config["_class_name"])
        with failing(f"{self.name} cannot be loaded:"), quiet(self._package):
            loaded = kind.from_pretrained(
                str(self.folder), local_files_only=True, use_safetensors=True
            )
            self._model: Any = loaded.to(device).eval()

    def encode(self, x: Tensor) -> Tensor:
        """The mode of the posterior, the latents, or the codebook's vectors."""
        if self.has_posterior:
            return self._model.encode(x).latent_dist.mode()  # type: ignore[no-any-return]
        codes: Tensor = self._model.encode(x).latents
        return self._model.quantize(codes)[0] if self.codebook_size else codes

    def decode(self, z: Tensor) -> object:
        """Images of codes."""
        further = {"force_not_quantize": True} if self.codebook_size else {}
        return self._model.decode(z, **further).sample

    def symbols(self, x: Tensor) -> Tensor:
        """The entries nearest to the latents, N×H×W."""
        latents = self._model.encode(x).latents
        found: Tensor = self._model.quantize(latents)[2][2]
        return found.reshape(len(x), *latents.shape[2:]).long()

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the latents."""
        posterior = self._model.encode(x).latent_dist
        return posterior.mean, posterior.logvar

    def _entries(self) -> int:
        if self._value("lookup_from_codebook"):
            raise BadInput(f"{self.name}: a VQModel that looks codes up is not supported")
        return int(self._value("num_vq_embeddings"))

    def _value(self, name: str) -> Any:
        """A value of the configuration, else the class's default."""
        kind = getattr(self._package, self._config["_class_name"])
        default = inspect.signature(kind.__init__).parameters[name].default
        return self._config.get(name, default)


def find_autoencoder(folder: Path) -> Path | None:
    """The folder of an autoencoder of diffusers in `folder`; None where there is none."""
    places = (folder / part if part else folder for part in PARTS)
    return next((place for place in places if (place / CONFIG).is_file()), None)


def _folder(settings: PretrainedAutoencoderSettings) -> Path:
    if not settings.source.startswith(HUB):
        found = find_autoencoder(source_file(settings))
    else:
        patterns = tuple(f"{part}/*" if part else CONFIG for part in PARTS)
        whole = fetch_snapshot(settings.source, (*patterns, f"*{WEIGHTS}"), find_autoencoder)
        found = find_autoencoder(whole)
    if found is None:
        raise BadInput(f"{settings.source} has no {CONFIG} of an autoencoder of diffusers")
    return found


def _read_config(folder: Path, name: str) -> dict[str, Any]:
    """The configuration. Raises BadInput where it is of another class, or weights are pickles."""
    try:
        config = parse_json((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{name}: {CONFIG} cannot be read ({error_text(error)})") from error
    kind = config.get("_class_name") if isinstance(config, dict) else None
    if kind not in CLASSES:
        raise BadInput(f"{name}: {CONFIG} is of {kind}; {', '.join(CLASSES)} can be used")
    files = [path for path in folder.iterdir() if path.is_file()]
    if not any(path.suffix == WEIGHTS for path in files):
        pickled = next((path.name for path in files if path.suffix in PICKLED), None)
        lack = f"{pickled} is a pickle, which could run code, and is not read" if pickled else ""
        raise BadInput(f"{name}: {lack or 'has no weights'}; save it once as safetensors")
    return config  # type: ignore[no-any-return]
