"""Loops written by hand, as in `bare_loops`, for diffusion of codes, from texts, and of videos."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.data.base import Split
from harness.data.hashed_words import word_ids
from harness.families.base import Family
from harness.objectives.denoising import alpha_bar
from peers import bare_loops
from peers.bare_coding import freeze, noise_of
from peers.bare_loops import Average, Last, adam, batches


class Noising:
    """Noisy images and what a network is to say of them."""

    def __init__(self, settings: Any, draws: torch.Generator) -> None:
        left = alpha_bar(settings.schedule, settings.timesteps).float()
        self._keep, self._add = (a.sqrt()[:, None, None, None] for a in (left, 1 - left))
        self._of_velocity, self._draws = settings.target == "v", draws

    def draw(self, shape: torch.Size) -> tuple[Tensor, Tensor]:
        """Timesteps int64 N and Gaussian noise N×C×S×S."""
        t = torch.randint(len(self._keep), (shape[0],), generator=self._draws)
        return t, torch.randn(shape, generator=self._draws)

    def __call__(self, x: Tensor, t: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor]:
        """The noisy x, and the target: ε, or v (Salimans & Ho 2022, arXiv:2202.00512)."""
        keep, add = self._keep[t], self._add[t]
        target = keep * epsilon - add * x if self._of_velocity else epsilon
        return keep * x + add * epsilon, target


def video(family: Family, split: Split, steps: int, seed: int) -> float:
    """Frames are side by side in the channels."""
    settings: Any = family.settings
    denoiser = family.networks["denoiser"]
    optimizer, average = adam(settings, denoiser), Average(denoiser, settings.ema)
    noising, last = Noising(settings, noise_of(seed)), Last(steps)
    for x in batches(split, settings.batch_size, steps, torch.Generator().manual_seed(seed)):
        t, epsilon = noising.draw(x.shape)
        noisy, target = noising(x, t, epsilon)
        loss = F.mse_loss(denoiser(noisy, t), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update()
        last.add(loss)
    return last.mean()


def text(family: Family, split: Split, steps: int, seed: int) -> float:
    """With the ids of the words of each image's text."""
    settings: Any = family.settings
    denoiser = family.networks["denoiser"]
    optimizer, average = adam(settings, denoiser), Average(denoiser, settings.ema)
    noising, last = Noising(settings, noise_of(seed)), Last(steps)
    for x, words in _with_words(split, settings.batch_size, steps, seed):
        t, epsilon = noising.draw(x.shape)
        noisy, target = noising(x, t, epsilon)
        loss = F.mse_loss(denoiser(noisy, t, words), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update()
        last.add(loss)
    return last.mean()


def _with_words(
    split: Split, size: int, steps: int, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:  # fmt: skip
    assert split.texts is not None
    words, draws = word_ids(split.texts), torch.Generator().manual_seed(seed)
    for chosen in bare_loops.indices(split, size, steps, draws):
        x = split.images.index_select(0, chosen).float().div_(127.5).sub_(1)
        yield x, words.index_select(0, chosen)


def latent(family: Family, split: Split, steps: int, seed: int) -> float:
    """The autoencoder, then diffusion of its codes, whose loss it is."""
    settings: Any = family.settings
    networks, size = family.networks, family.settings.batch_size
    encoder, decoder, denoiser = (networks[name] for name in ("encoder", "decoder", "denoiser"))
    first = round(settings.autoencoder.share * steps)
    stream = batches(split, size, steps, torch.Generator().manual_seed(seed))
    _train_coder(encoder, decoder, settings, zip(range(first), stream, strict=False), seed)
    freeze(encoder, decoder)
    mean, deviation = _moments(encoder, split, size)
    optimizer, average = adam(settings, denoiser), Average(denoiser, settings.ema)
    draws, last = noise_of(seed, phase="latent"), Last(steps, first)
    noising = Noising(settings, draws)
    for x in stream:
        with torch.no_grad():
            mu, logvar = _posterior(encoder, x)
        t, epsilon = noising.draw(mu.shape)
        z = mu + (logvar / 2).exp() * torch.randn(mu.shape, generator=draws)
        noisy, target = noising((z - mean) / deviation, t, epsilon)
        loss = F.mse_loss(denoiser(noisy, t), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update()
        last.add(loss)
    return last.mean()


def _train_coder(
    encoder: nn.Module, decoder: nn.Module, settings: Any, stream: Any, seed: int
) -> None:
    """Leaves the averaged weights in both."""
    optimizer = adam(settings, encoder, decoder)
    pair = nn.ModuleList([encoder, decoder])
    average, draws = Average(pair, settings.ema), noise_of(seed, "autoencoder", "autoencoder")
    for _, x in stream:
        mu, logvar = _posterior(encoder, x)
        made = decoder(mu + (logvar / 2).exp() * torch.randn(mu.shape, generator=draws))
        kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum() / x.numel()
        loss = F.mse_loss(made, x) + settings.autoencoder.kl * kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update()
    average.adopt()


@torch.no_grad()
def _moments(encoder: nn.Module, split: Split, size: int) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel of the codes of all images."""
    images = (part.float().div_(127.5).sub_(1) for part in split.images.split(size))
    posteriors = [_posterior(encoder, x) for x in images]
    mu, logvar = (torch.cat(parts).double() for parts in zip(*posteriors, strict=True))
    dims = (0, 2, 3)
    variance = mu.var(dims, correction=0) + logvar.exp().mean(dims)
    return tuple(v.float()[:, None, None] for v in (mu.mean(dims), variance.sqrt()))  # type: ignore[return-value]


def _posterior(encoder: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    mu, logvar = encoder(x).chunk(2, dim=1)
    return mu, logvar.clamp(-30, 20)
