"""A pretrained autoencoder as an entrant: not trained, and measured as any other model."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.user_code import TARGET
from harness.families.pretrained.autoencoder_settings import PretrainedAutoencoderSettings
from harness.families.pretrained.autoencoders import (
    CallableAutoencoder,
    CodingAutoencoder,
    FileAutoencoder,
    ImageAutoencoder,
    PairAutoencoder,
)
from harness.families.pretrained.diffusers_autoencoder import DiffusersAutoencoder
from harness.families.pretrained.pipeline_files import HUB
from harness.families.pretrained.source_paths import source_file
from harness.families.pretrained.torch_files import CHECKPOINT
from harness.families.untrained import Untrained

NETWORKS = (".pt", ".pt2")


def open_autoencoder(settings: PretrainedAutoencoderSettings) -> ImageAutoencoder:
    """Opens the autoencoder that the settings name. Raises BadInput where it is none that can be
    used.
    """
    name, suffix = settings.source, Path(settings.source).suffix.lower()
    if settings.decoder and suffix not in NETWORKS:
        raise BadInput(f"{name}: a decoder of its own goes with an encoder in a .pt or .pt2 file")
    if suffix in NETWORKS:
        source = source_file(settings)
        if settings.decoder:
            return PairAutoencoder(settings, source, source_file(settings, settings.decoder))
        return FileAutoencoder(settings, source)
    if suffix in (".pth", ".ckpt", ".pkl", ".pickle", ".bin"):
        raise BadInput(f"{name} {CHECKPOINT}")
    if name.startswith(HUB) or (not TARGET.fullmatch(name) and source_file(settings).is_dir()):
        return DiffusersAutoencoder(settings)
    if TARGET.fullmatch(name):
        return CallableAutoencoder(settings)
    raise BadInput(
        f"source {name!r} is no autoencoder: package.module:callable, a .pt or .pt2 file, or an "
        "autoencoder of diffusers (a folder, or hf:OWNER/NAME) is needed"
    )


class PretrainedAutoencoder(Untrained):
    """Gives images back by a model that somebody trained elsewhere. It encodes, has symbols or a
    posterior where the model does.
    """

    Settings = PretrainedAutoencoderSettings
    settings: PretrainedAutoencoderSettings
    generator: ImageAutoencoder
    codebook_size = 0
    _is_loaded = False

    def build(self) -> nn.ModuleDict:
        """No network: the model is opened, and its weights are read with the first images.

        Raises BadInput where it cannot be opened, or takes images of other channels.
        """
        shape = self.shape
        if not shape.pixels or shape.is_video:
            raise BadInput("a pretrained model takes images of 8-bit pixels, no numbers or videos")
        with torch.device("cpu"):  # a plan builds on the meta device
            self.generator = model = open_autoencoder(self.settings)
        if isinstance(model, DiffusersAutoencoder) and model.channels != shape.channels:
            raise BadInput(
                f"{model.name} takes images of {model.channels} channels, and these have "
                f"{shape.channels}"
            )
        # What a model can do is known by the methods that it has.
        if isinstance(model, CodingAutoencoder):
            self.encode, self.decode = partial(self._encode, model), partial(self._decode, model)
        if isinstance(model, DiffusersAutoencoder) and model.codebook_size:
            self.symbols = partial(self._symbols, model)
            self.codebook_size = model.codebook_size
        if isinstance(model, DiffusersAutoencoder) and model.has_posterior:
            self.posterior = partial(self._posterior, model)
        return nn.ModuleDict()

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → x̂, both in [-1, 1]. Raises BadInput where the model fails."""
        self._load()
        model = self.generator
        made = model.images(model.call, model.on_scale(x)).to(self.device)
        if made.shape != x.shape:
            given, returned = ("×".join(map(str, each.shape[1:])) for each in (x, made))
            raise BadInput(f"{model.name} was given images {given} and returned {returned} (C×H×W)")
        return made

    def _encode(self, model: CodingAutoencoder, x: Tensor) -> Tensor:
        """x N×C×S×S → codes N×d."""
        self._load()
        codes = torch.cat(model.in_pieces(model.encode, model.on_scale(x)))
        self._code_shape = codes.shape[1:]
        return codes.flatten(1)

    def _decode(self, model: CodingAutoencoder, z: Tensor) -> Tensor:
        """Codes N×d → images N×C×S×S in [-1, 1]."""
        self._load()
        codes = z.view(len(z), *self._shape_of_codes(model))
        return model.images(model.decode, codes).to(self.device)

    def _symbols(self, model: DiffusersAutoencoder, x: Tensor) -> Tensor:
        """x N×C×S×S → entries of the codebook, int64 N×H×W."""
        self._load()
        return torch.cat(model.in_pieces(model.symbols, model.on_scale(x)))

    def _posterior(self, model: DiffusersAutoencoder, x: Tensor) -> tuple[Tensor, Tensor]:
        """x N×C×S×S → mean and log-variance, each N×d."""
        self._load()
        pairs = model.in_pieces(model.posterior, model.on_scale(x))
        mean, logvar = (torch.cat(parts).flatten(1) for parts in zip(*pairs, strict=True))
        return mean, logvar

    def _shape_of_codes(self, model: CodingAutoencoder) -> torch.Size:
        if not hasattr(self, "_code_shape"):
            shape = self.shape
            size = (1, shape.channels, shape.size, shape.size)
            self._encode(model, torch.zeros(size, device=self.device))
        return self._code_shape

    def _load(self) -> None:
        """Reads the weights, with the first images."""
        if not self._is_loaded:
            self.generator.load(self.device)
            self._is_loaded = True
