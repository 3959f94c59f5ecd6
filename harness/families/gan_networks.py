"""The two networks of a GAN, as its settings describe them."""

from __future__ import annotations

from torch import nn

from harness.families.base import ImageShape
from harness.families.gan_player_settings import NetworkPlayerSettings
from harness.families.gan_settings import GANSettings
from harness.networks.conditioning import CONDITIONINGS
from harness.networks.convnet import Decoder
from harness.networks.discriminator import ConvDiscriminator, MLPDiscriminator
from harness.networks.mlp import MLPDecoder
from harness.networks.normalisation import NORMS, normalise_spectrally
from harness.networks.resnet import ResidualDiscriminator, ResidualGenerator

ACTIVATIONS = {"leaky-relu": nn.LeakyReLU(0.2), "relu": nn.ReLU()}


def gan_networks(
    settings: GANSettings, shape: ImageShape, outputs: int | None = None
) -> nn.ModuleDict:
    """Generator and discriminator with DCGAN's initialisation (section 4); the latter of `outputs`
    outputs, as its conditioning needs where nothing is said.

    An MLP and convolutions without normalisation start as torch's layers do: with weights as small
    as DCGAN's, and no normalisation to undo that, nothing would come through them.
    """
    generator = _generator(settings, shape)
    discriminator = discriminator_network(settings, shape, outputs)
    if isinstance(generator, Decoder) and settings.generator.norm != "none":
        generator.apply(init_dcgan)
    if settings.initial_sigma:
        for network in (generator, discriminator):
            init_normal(network, settings.initial_sigma)
    start_discriminator(discriminator, settings)
    return nn.ModuleDict({"generator": generator, "discriminator": discriminator})


def _generator(settings: GANSettings, shape: ImageShape) -> nn.Module:
    own, code = settings.generator, settings.latent + settings.classes(shape)
    width = own.width or settings.width
    sizes = (code, shape.channels, shape.size, width, nn.ReLU())
    if settings.depth is not None:
        return MLPDecoder(*sizes, _depth(settings, own), hidden=own.hidden)
    if own.blocks == "residual":
        width = 2 * width
        return ResidualGenerator(code, shape.channels, shape.size, width, attention=own.attention)
    return Decoder(*sizes, norm=NORMS[own.norm], attention=own.attention)


def discriminator_network(
    settings: GANSettings, shape: ImageShape, outputs: int | None = None
) -> nn.Module:
    """Images as the discriminator sees them → raw outputs, as `networks.conditioning` has them, or
    as many as `outputs`.
    """
    own, classes = settings.discriminator, settings.classes(shape)
    conditioning = CONDITIONINGS[own.conditioning]
    channels = own.packing * shape.channels + conditioning.channels(classes)
    width = own.width or settings.width
    sizes = (channels, shape.size, width, outputs or conditioning.outputs(classes))
    activation = ACTIVATIONS[own.activation]
    if settings.depth is not None:
        depth = _depth(settings, own)
        return MLPDiscriminator(
            *sizes, activation=activation, depth=depth, head=own.head, hidden=own.hidden
        )
    if own.blocks == "residual":
        return ResidualDiscriminator(*sizes, head=own.head, attention=own.attention)
    return ConvDiscriminator(
        *sizes, activation=activation, norm=NORMS[own.norm], head=own.head,
        attention=own.attention,
    )  # fmt: skip


def _depth(settings: GANSettings, own: NetworkPlayerSettings) -> int:
    """The hidden layers of a player's MLP."""
    depth = settings.depth if own.depth is None else own.depth
    assert depth is not None
    return depth


def start_discriminator(discriminator: nn.Module, settings: GANSettings) -> None:
    """Gives a new discriminator its initial weights: DCGAN's where its convolutions are followed by
    normalisation, and spectrally normalised ones where its settings say so.
    """
    norm = settings.discriminator.norm
    if settings.network == "conv" and NORMS[norm] is not None:
        discriminator.apply(init_dcgan)
    if norm == "spectral":
        normalise_spectrally(discriminator)


def init_normal(network: nn.Module, sigma: float) -> None:
    """Weights of fully connected layers from N(0, sigma²); their biases zero."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, sigma)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def init_dcgan(module: nn.Module) -> None:
    """Weights from N(0, 0.02²), scales of batch normalisation from N(1, 0.02²); biases zero."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.BatchNorm2d):
        mean = 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0
        nn.init.normal_(module.weight, mean, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
