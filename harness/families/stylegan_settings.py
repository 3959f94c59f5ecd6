"""What a recipe can set of a GAN with a style-based generator."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, model_validator

from harness.core.settings import Settings
from harness.families.base import Layers
from harness.families.gan_player_settings import DiscriminatorSettings, GeneratorSettings
from harness.families.gan_settings import GANSettings


class StyleSampling(Settings):
    """`space`: what its codes are, z or the styles w that the mapping makes of them. `truncation`:
    how far a style is from the mean one, as a share (StyleGAN, appendix B).
    """

    space: Literal["z", "w"] = "z"
    truncation: Annotated[float, Field(gt=0, le=1)] = 1.0


class PathLengthSettings(Settings):
    """Path length regularisation: its `weight`, the `share` of a batch that it is of in each step
    (as a penalty's), and how far the mean length follows the last ones, `rate`.
    """

    weight: PositiveFloat = 2.0
    share: Annotated[float, Field(gt=0, le=1)] = 0.25
    rate: Annotated[float, Field(gt=0, le=1)] = 0.01


class StyleDiscriminatorSettings(DiscriminatorSettings):
    """`architecture`: as the other settings say, or StyleGAN2's residual networks, which have
    layers, activation and minibatch standard deviation of their own
    (`networks.style_discriminator`).
    """

    architecture: Literal["gan", "stylegan2"] = "gan"

    @model_validator(mode="after")
    def _has_its_own_layers(self) -> Self:
        if self.architecture == "stylegan2":
            if self.norm != "none":
                raise ValueError("architecture: stylegan2 does not normalise; say norm: none")
            plain = DiscriminatorSettings()
            for name in ("blocks", "activation", "head", "attention"):
                if getattr(self, name) != getattr(plain, name):
                    raise ValueError(
                        f"architecture: stylegan2 has its own {name}; leave it out, or say "
                        f"{name}: {_yaml(getattr(plain, name))}"
                    )
        return self


def _yaml(value: object) -> str:
    """A default as a recipe says it."""
    return "[]" if value == () else str(value).lower()


class StyleGANSettings(GANSettings):
    """`mapping`: layers from a code to its style, which both have `latent` numbers. `modulation`:
    StyleGAN's AdaIN, or StyleGAN2's of weights. `mixing`: how often an image of training has the
    style of another code from some layer on. `path_length`: how path lengths are regularised,
    if they are. The generator has twice the recipe's `width`.
    """

    discriminator: StyleDiscriminatorSettings = StyleDiscriminatorSettings()
    mapping: Annotated[Layers, Field(ge=1)] = 4
    modulation: Literal["adain", "weights"] = "weights"
    mixing: Annotated[float, Field(ge=0, le=1)] = 0.9
    path_length: PathLengthSettings | None = None
    sampling: StyleSampling = StyleSampling()

    @model_validator(mode="after")
    def _has_a_style_based_generator(self) -> Self:
        if self.network != "conv":
            raise ValueError("a style-based generator is of convolutions; leave out network")
        plain = GeneratorSettings()
        for name in ("blocks", "norm", "attention", "width"):
            if getattr(self.generator, name) != getattr(plain, name):
                raise ValueError(f"a style-based generator has no {name}; leave it out")
        if self.conditional and self.sampling.space == "w":
            raise ValueError("sampling: {space: w} goes with a model that is not conditional")
        return self
