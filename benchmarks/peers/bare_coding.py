"""Loops written by hand, as in `bare_loops`, for models that learn codes of images.

Here, in `bare_games` and in `bare_denoising` noise is drawn from generators named as the harness
names them, so that on the same batches a loop has the losses of the harness, to rounding.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.core import seeding
from harness.data.base import Split
from harness.families.base import Family
from peers.bare_loops import Last, adam, batches


def autoencoder(family: Family, split: Split, steps: int, seed: int) -> float:
    """The loss is the squared error."""
    settings: Any = family.settings
    encoder, decoder = family.networks["encoder"], family.networks["decoder"]
    optimizer = adam(settings, encoder, decoder)
    last = Last(steps)
    for x in batches(split, settings.batch_size, steps, torch.Generator().manual_seed(seed)):
        loss = F.mse_loss(decoder(encoder(x)), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        last.add(loss)
    return last.mean()


def masked(family: Family, split: Split, steps: int, seed: int) -> float:
    """The loss is the squared error of the hidden patches."""
    settings: Any = family.settings
    encoder, decoder = family.networks["encoder"], family.networks["decoder"]
    draws, optimizer = noise_of(seed), adam(settings, encoder, decoder)
    grid = split.images.shape[-1] // settings.patch
    seen = round(grid**2 * (1 - settings.hidden))
    last = Last(steps)
    for x in batches(split, settings.batch_size, steps, torch.Generator().manual_seed(seed)):
        visible = torch.rand(len(x), grid**2, generator=draws).argsort(dim=1)[:, :seen]
        hidden = torch.ones(len(x), grid**2).scatter_(1, visible, 0.0).view(-1, 1, grid, grid)
        hidden = F.interpolate(hidden, scale_factor=settings.patch)
        made = decoder(encoder(x, visible), visible)
        loss = ((made - x).square() * hidden).sum() / (hidden.sum() * x.shape[1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        last.add(loss)
    return last.mean()


def quantised(family: Family, split: Split, steps: int, seed: int) -> float:
    """A codebook moved by gradients, then the prior over its symbols, whose loss it is."""
    settings: Any = family.settings
    networks = family.networks
    encoder, quantiser, decoder = (networks[name] for name in ("encoder", "quantiser", "decoder"))
    prior: Any = networks["prior"]
    first = round((1 - settings.prior.share) * steps)
    stream = batches(split, settings.batch_size, steps, torch.Generator().manual_seed(seed))
    optimizer = adam(settings, encoder, quantiser, decoder)
    last = Last(steps, first)
    for _, x in zip(range(first), stream, strict=False):
        z = encoder(x)
        entries = F.embedding(nearest(z, quantiser.codebook), quantiser.codebook).movedim(-1, 1)
        made = decoder(z + (entries - z).detach())
        loss = F.mse_loss(made, x) + F.mse_loss(entries, z.detach())
        loss = loss + settings.commitment * F.mse_loss(z, entries.detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    freeze(encoder, quantiser, decoder)
    optimizer = adam(settings, prior)
    for x in stream:
        with torch.no_grad():
            symbols = nearest(encoder(x), quantiser.codebook)
        loss = -prior.log_likelihood(symbols).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        last.add(loss)
    return last.mean()


@torch.no_grad()
def nearest(z: Tensor, codebook: Tensor) -> Tensor:
    """z N×D×H×W → the numbers of the nearest of the entries K×D, int64 N×H×W."""
    products = z.movedim(1, -1) @ codebook.T
    return (codebook.square().sum(dim=1) - 2 * products).argmin(dim=-1)


def freeze(*networks: nn.Module) -> None:
    """Ends the training of networks."""
    for network in networks:
        network.eval().requires_grad_(False)


def noise_of(seed: int, player: str = "model", phase: str = "train") -> torch.Generator:
    """Where the harness draws a player's noise from."""
    return seeding.generator(seed, "noise", phase, player)
