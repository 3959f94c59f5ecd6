"""GANs that make images of a text (Reed et al. 2016, arXiv:1605.05396)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from pydantic import PositiveInt, model_validator
from torch import Tensor, nn

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.data.hashed_words import BUCKETS, word_ids
from harness.families.base import Losses, Noise
from harness.families.gan import GAN
from harness.families.gan_game import Network
from harness.families.gan_networks import gan_networks
from harness.families.gan_settings import Alternating, GANSettings
from harness.networks.normalisation import statistics_kept


class TextGANSettings(GANSettings):
    """`text_width`: numbers in the embedding of a text, the mean of its words' embeddings."""

    text_width: PositiveInt = 32

    @model_validator(mode="after")
    def _judges_images_of_texts(self) -> Self:
        if self.conditional or not isinstance(self.dynamics, Alternating):
            raise ValueError("a GAN of texts has no conditional and no dynamics")
        if self.penalties or self.discriminator.packing > 1 or self.discriminator.augment:
            raise ValueError("a GAN of texts takes no penalties, packing or augment")
        if self.generator.extras or self.discriminator.norm == "spectral":
            raise ValueError("a GAN of texts takes no extras and no norm: spectral")
        if self.flip:
            raise ValueError("flip and texts do not go together: a mirrored image's text says left")
        return self


class TextGAN(GAN):
    """Generator and discriminator that take a text. The discriminator judges made images, and real
    ones with their own text and with another's.
    """

    Settings = TextGANSettings
    settings: TextGANSettings
    takes_texts = True

    def build(self) -> nn.ModuleDict:
        """Both players' networks, each with an embedding of words; BadInput without texts."""
        if not self.shape.texts:
            raise BadInput("its images have no texts")
        width = self.settings.text_width
        wider = self.settings.model_copy(update={"latent": self.settings.latent + width})
        networks = gan_networks(wider, self.shape, outputs=1 + width)
        return nn.ModuleDict(
            {
                "generator": TextGenerator(networks["generator"], width),
                "discriminator": TextDiscriminator(networks["discriminator"], width),
            }
        )

    def discriminator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The discriminator's side (algorithm 1, GAN-CLS): half of what it is to reject are made
        images, half real ones with the text of the image before.
        """
        words = _words_of(batch)
        with torch.no_grad():
            fake = networks["generator"](noise["z"], words)
        rejected = torch.cat([fake, batch.x])
        texts = torch.cat([words, words.roll(1, dims=0)])
        judge = _judge(networks, texts)
        return self.game.discriminator_loss(judge, batch.x, rejected, batch.labels, noise)

    def generator_loss(self, networks: nn.ModuleDict, batch: Batch, noise: Noise) -> Losses:
        """The generator's side, of images of the batch's texts."""
        words = _words_of(batch)
        fake = networks["generator"](noise["z"], words)
        with statistics_kept(networks["discriminator"]):
            judge = _judge(networks, words)
            return self.game.generator_loss(judge, batch.x, fake, batch.labels, noise)

    @torch.no_grad()
    def sample_texts(self, texts: Sequence[str], generator: torch.Generator) -> Tensor:
        """An image N×C×S×S in [-1, 1] for each of the texts."""
        network = self._generator
        embedded = network.embed(word_ids(texts).to(self.device))
        return super().decode(torch.cat([self.latents(len(texts), generator), embedded], dim=1))

    def decode(self, z: Tensor) -> Tensor:
        """Codes N×latent → images N×C×S×S in [-1, 1] of a text without words."""
        blank = torch.zeros(len(z), self.settings.text_width, dtype=z.dtype, device=z.device)
        return super().decode(torch.cat([z, blank], dim=1))

    @property
    def _generator(self) -> TextGenerator:
        network = self.networks["generator"]
        assert isinstance(network, TextGenerator)
        return network


class TextGenerator(nn.Module):
    """N×latent codes and words int64 N×L → images N×C×S×S; of codes with their embedded texts
    N×(latent + width) where there are no words.
    """

    def __init__(self, network: nn.Module, width: int) -> None:
        super().__init__()
        self.network, self.embed = network, embedding_of_words(width)

    def forward(self, z: Tensor, words: Tensor | None = None) -> Tensor:
        """As the class says."""
        if words is not None:
            z = torch.cat([z, self.embed(words)], dim=1)
        images: Tensor = self.network(z)
        return images


class TextDiscriminator(nn.Module):
    """Images N×C×S×S and words int64 N×L → ψ(φ(x)) + e(text)ᵀVφ(x), N×1: the projection of Miyato &
    Koyama 2018 (arXiv:1802.05637, equation 3), with the embedding e of a text for that of a class.
    """

    def __init__(self, network: nn.Module, width: int) -> None:
        super().__init__()
        self.network, self.embed = network, embedding_of_words(width)

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        """x N×C×S×S, words int64 N×L → N×1."""
        out: Tensor = self.network(x)
        text: Tensor = self.embed(words)
        return out[:, :1] + (out[:, 1:] * text).sum(dim=1, keepdim=True)


def embedding_of_words(width: int) -> nn.EmbeddingBag:
    """The mean of the embeddings of a text's words, 0 where it has none."""
    return nn.EmbeddingBag(BUCKETS, width, mode="mean", padding_idx=0)


def _judge(networks: nn.ModuleDict, texts: Tensor) -> Network:
    """The discriminator of images that have the first of these texts."""
    return lambda x: networks["discriminator"](x, texts[: len(x)])


def _words_of(batch: Batch) -> Tensor:
    if batch.words is None:
        raise ValueError("a batch without texts")
    return batch.words
