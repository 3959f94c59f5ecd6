"""The autoencoder: an image squeezed through a code of `latent` numbers and rebuilt."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import PositiveFloat, model_validator
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.core.settings import Settings
from harness.core.table_keys import KeyOf
from harness.data.batch import Batch
from harness.families.autoencoding import CodingSettings, Share, encoder_and_decoder
from harness.families.base import Losses, Noise, Phase, single_player
from harness.families.builders import at_least_float32, check_sources, in_range
from harness.families.feature_loss import FeatureLossFamily
from harness.networks.dropout import draw_masks, use_masks
from harness.networks.feature_networks import FEATURE_NETWORKS
from harness.objectives.codes import CODE_PENALTIES, CodeInputs
from harness.objectives.input_noise import INPUT_NOISE, draw_input_noise
from harness.objectives.reconstruction import RECONSTRUCTION_LOSSES, ReconstructionLoss

CODE_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "none": lambda codes: codes,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
}
"""What codes pass through, by the name that recipes give it as `code_activation:`."""


PERCEPTUAL = "perceptual"
AUTOENCODER_LOSSES = {**RECONSTRUCTION_LOSSES, PERCEPTUAL: RECONSTRUCTION_LOSSES["l2"]}
"""What recipes may say as `loss:`, and the loss of pixels in it."""
DAMAGED_COPIES = 4
"""Of an image, where an autoencoder of damaged images is asked to repair it."""


class InputDamage(Settings):
    """Damage to inputs, one of `objectives.input_noise`: a standard deviation where white is 1, or
    a share of the pixels.
    """

    kind: Annotated[str, KeyOf(INPUT_NOISE)]
    amount: Share


class WeighedCodePenalty(Settings):
    """A penalty on codes, one of `objectives.codes`, its weight, and the share of images at which
    `sparse-kl` holds a unit active.
    """

    kind: Annotated[str, KeyOf(CODE_PENALTIES)]
    weight: PositiveFloat
    target: Share | None = None


class AutoencoderSettings(CodingSettings):
    """`loss`: one of `objectives.reconstruction`, or `perceptual`, the distance of the `features`
    of a frozen network beside the squared error; `codes`: penalties that are added to it.

    `inputs`: what it is shown where images come with damaged copies of themselves, these or the
    whole images. `corruption`: damage to what it is shown where images come without such copies, or
    are shown whole.
    """

    loss: Annotated[str, KeyOf(AUTOENCODER_LOSSES)] = "l2"
    features: Annotated[str, KeyOf(FEATURE_NETWORKS)] | None = None
    code_activation: Annotated[str, KeyOf(CODE_ACTIVATIONS)] = "none"
    codes: tuple[WeighedCodePenalty, ...] = ()
    inputs: Literal["damaged", "clean"] = "damaged"
    corruption: InputDamage | None = None

    @model_validator(mode="after")
    def _features_are_of_a_perceptual_loss(self) -> Self:
        if (self.loss == PERCEPTUAL) != (self.features is not None):
            raise ValueError(
                "loss: perceptual needs features, a frozen network such as classifier:cifar10"
                if self.features is None
                else "features go with loss: perceptual"
            )
        return self

    @model_validator(mode="after")
    def _penalties_fit(self) -> Self:
        if len({penalty.kind for penalty in self.codes}) < len(self.codes):
            raise ValueError("codes name one kind twice")
        for penalty in self.codes:
            self._check_penalty(penalty)
        return self

    def _check_penalty(self, penalty: WeighedCodePenalty) -> None:
        kind, takes = penalty.kind, CODE_PENALTIES[penalty.kind]
        if takes.of_rates != (penalty.target is not None):
            raise ValueError(
                f"codes: {kind} needs a target, the rate of active units, such as 0.05"
                if takes.of_rates
                else f"codes: {kind} has no target; sparse-kl has one"
            )
        if takes.of_rates and self.code_activation != "sigmoid":
            raise ValueError(
                f"codes: {kind} goes with code_activation: sigmoid, for codes in (0, 1)"
            )
        if takes.each_alone and self.network == "conv":
            raise ValueError(
                f"codes: {kind} goes with network: mlp; normalised over the batch, the code of an"
                " image depends on the others"
            )


class Autoencoder(FeatureLossFamily):
    """An encoder and a decoder, trained to give images back.

    Shown damaged images it is a denoising autoencoder (Vincent et al. 2008,
    doi:10.1145/1390156.1390294).
    """

    Settings = AutoencoderSettings
    settings: AutoencoderSettings

    def build(self) -> nn.ModuleDict:
        """Encoder and decoder. Raises BadInput for data that it cannot be trained on."""
        settings, shape = self.settings, self.shape
        check_sources(shape, "an autoencoder")
        if not shape.pixels and (settings.corruption or self.reconstruction.of_logits):
            raise BadInput(
                "corruption and loss: bce need images of 8-bit pixels, with values in [0, 1]"
            )
        self.check_features()
        values = shape.channels * shape.size**2
        if settings.latent >= values and not (settings.codes or settings.corruption):
            warnings.warn(
                f"a code of {settings.latent} numbers for images of {values} values, without a"
                " penalty: it may learn to copy",
                stacklevel=2,
            )
        return encoder_and_decoder(settings, shape, settings.latent)

    def phases(self) -> tuple[Phase, ...]:
        """One phase, one player."""
        return single_player(("encoder", "decoder"), self.noise, self.loss, self.settings.optimizer)

    def noise(self, n: int, generator: torch.Generator) -> Noise:
        """What damages inputs, drops units and stands beside codes, where anything does."""
        settings, shape = self.settings, self.shape
        noise = draw_masks(self.networks, n, generator) if settings.dropout else {}
        if settings.corruption:
            images = (n, shape.channels, shape.size, shape.size)
            noise["damage"] = draw_input_noise(settings.corruption.kind, images, generator)
        if settings.codes:
            noise["codes"] = torch.randn(
                n, settings.latent, generator=generator, device=generator.device
            )
        return noise

    def loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The error of the reconstruction, and each penalty on codes times its weight."""
        seen, codes = self.shown_codes(networks, batch, noise)
        loss = self._error(networks, batch.x, codes)
        parts: dict[str, Tensor] = {"reconstruction": loss} if self.settings.codes else {}
        for penalty in self.settings.codes:
            inputs = CodeInputs(
                lambda x: self._codes(networks, x), seen, at_least_float32(codes), noise["codes"],
                penalty.target or 0.0,
            )  # fmt: skip
            value = CODE_PENALTIES[penalty.kind].compute(inputs)
            loss = loss + penalty.weight * value
            parts[penalty.kind] = value
        return {"loss": loss, **parts}

    def shown_codes(
        self, networks: nn.ModuleDict, batch: Batch, noise: Noise
    ) -> tuple[Tensor, Tensor]:
        """What the encoder is shown in training, N×C×S×S, and its codes N×latent."""
        if self.settings.dropout:
            use_masks(networks, noise)
        seen = self._shown(batch, noise)
        return seen, self._codes(networks, seen)

    def _shown(self, batch: Batch, noise: Noise) -> Tensor:
        """What the encoder is shown for a batch: N×C×S×S."""
        settings = self.settings
        if batch.source is not None and settings.inputs == "damaged":
            return batch.source
        if settings.corruption is None:
            return batch.x
        kind = INPUT_NOISE[settings.corruption.kind]
        return kind.apply(batch.x, noise["damage"], settings.corruption.amount)

    def _error(self, networks: nn.ModuleDict, x: Tensor, codes: Tensor) -> Tensor:
        """The reconstruction loss of images x from their codes."""
        decoder: Any = networks["decoder"]
        of_logits = self.reconstruction.of_logits
        made: Tensor = decoder.logits(codes) if of_logits else decoder(codes)
        return self.with_feature_error(self.reconstruction.compute(x, made), x, made)

    def _codes(self, networks: nn.ModuleDict, x: Tensor) -> Tensor:
        """x N×C×S×S → codes N×latent."""
        return CODE_ACTIVATIONS[self.settings.code_activation](networks["encoder"](x))

    @property
    def reconstruction(self) -> ReconstructionLoss:
        """The loss of reconstructions."""
        return AUTOENCODER_LOSSES[self.settings.loss]

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """x N×C×S×S → codes N×latent."""
        return self._codes(self.networks, x)

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Codes N×latent → images N×C×S×S in [-1, 1]."""
        decoder: Any = self.networks["decoder"]
        of_logits = self.reconstruction.of_logits
        images: Tensor = (decoder.logits(z) / 2).tanh() if of_logits else decoder(z)
        return in_range(images, self.shape)

    def reconstruct(self, x: Tensor) -> Tensor:
        """x N×C×S×S → x̂, both in [-1, 1]."""
        return self.decode(self.encode(x))

    def restore(self, source: Tensor, mask: Tensor | None) -> Tensor:
        """Damaged images N×C×S×S → what they were, both in [-1, 1]. The mask is not used."""
        return self.reconstruct(source)

    @property
    def learns_to_fill_in(self) -> bool:
        """Whether its inputs are damaged in training."""
        return self.settings.corruption is not None

    def fill_in(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """x N×C×S×S → x̂, both in [-1, 1]: the mean over what it makes of copies that are damaged
        as in training.
        """
        damage = self.settings.corruption
        assert damage is not None
        total = torch.zeros_like(x)
        for _ in range(DAMAGED_COPIES):
            draws = draw_input_noise(damage.kind, (len(x), *x.shape[1:]), generator)
            total += self.reconstruct(INPUT_NOISE[damage.kind].apply(x, draws, damage.amount))
        return total / DAMAGED_COPIES
