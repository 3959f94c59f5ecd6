"""Loops written by hand for one model each: what training costs without a harness around it.

They draw batches from memory, take the networks of a recipe and the same fused Adam, and keep the
moving average where the recipe asks for one. There is nothing else: no checkpoints, no curves, no
progress, no check for divergence, no way to go on.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.data.base import Split
from harness.families.base import Family
from harness.objectives.denoising import alpha_bar
from harness.objectives.flow import TIME_SCALE

Loop = Callable[[Family, Split, int, int], float]
"""Trains a family's networks on the images of a split for some steps from a seed; the mean loss of
the last tenth of the steps."""


def vae(family: Family, split: Split, steps: int, seed: int) -> float:
    settings: Any = family.settings
    encoder, decoder = family.networks["encoder"], family.networks["decoder"]
    draws = torch.Generator().manual_seed(seed)
    optimizer = adam(settings, encoder, decoder)
    variance = settings.sigma**2
    constant = split.images[0].numel() * 0.5 * math.log(2 * math.pi * variance)
    last = Last(steps)
    for x in batches(split, settings.batch_size, steps, draws):
        mean, logvar = encoder(x).chunk(2, dim=1)
        z = mean + (0.5 * logvar).exp() * torch.randn(mean.shape, generator=draws)
        error = (x - decoder(z)).square().sum() / (2 * variance)
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum()
        loss = (error + kl) / len(x) + constant
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        last.add(loss)
    return last.mean()


def gan(family: Family, split: Split, steps: int, seed: int) -> float:
    """The loss is the discriminator's."""
    settings: Any = family.settings
    generator, discriminator = family.networks["generator"], family.networks["discriminator"]
    draws = torch.Generator().manual_seed(seed)
    of_generator, of_discriminator = adam(settings, generator), adam(settings, discriminator)
    average = Average(generator, settings.ema)
    last = Last(steps)
    for x in batches(split, settings.batch_size, steps, draws):
        with torch.no_grad():
            fake = generator(torch.randn(len(x), settings.latent, generator=draws))
        loss = F.softplus(-discriminator(x)).mean() + F.softplus(discriminator(fake)).mean()
        of_discriminator.zero_grad()
        loss.backward()
        of_discriminator.step()
        last.add(loss)

        discriminator.requires_grad_(False)
        fake = generator(torch.randn(len(x), settings.latent, generator=draws))
        loss = F.softplus(-discriminator(fake)).mean()
        of_generator.zero_grad()
        loss.backward()
        of_generator.step()
        discriminator.requires_grad_(True)
        average.update()
    return last.mean()


def diffusion(family: Family, split: Split, steps: int, seed: int) -> float:
    settings: Any = family.settings
    denoiser = family.networks["denoiser"]
    draws = torch.Generator().manual_seed(seed)
    optimizer = adam(settings, denoiser)
    average = Average(denoiser, settings.ema)
    left = alpha_bar(settings.schedule, settings.timesteps).float()
    keep, add = (a.sqrt()[:, None, None, None] for a in (left, 1 - left))
    last = Last(steps)
    for x in batches(split, settings.batch_size, steps, draws):
        t = torch.randint(settings.timesteps, (len(x),), generator=draws)
        epsilon = torch.randn(x.shape, generator=draws)
        loss = F.mse_loss(denoiser(keep[t] * x + add[t] * epsilon, t), epsilon)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update()
        last.add(loss)
    return last.mean()


def flow(family: Family, split: Split, steps: int, seed: int) -> float:
    """Straight paths from noise at 0 to images at 1, whose velocity is learnt."""
    settings: Any = family.settings
    denoiser = family.networks["denoiser"]
    draws = torch.Generator().manual_seed(seed)
    optimizer = adam(settings, denoiser)
    average = Average(denoiser, settings.ema)
    last = Last(steps)
    for x in batches(split, settings.batch_size, steps, draws):
        t = torch.rand(len(x), generator=draws)
        epsilon = torch.randn(x.shape, generator=draws)
        share = t[:, None, None, None]
        velocity = denoiser(share * x + (1 - share) * epsilon, TIME_SCALE * t)
        loss = F.mse_loss(velocity, x - epsilon)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update()
        last.add(loss)
    return last.mean()


def hinge_gan(family: Family, split: Split, steps: int, seed: int) -> float:
    """The loss is the discriminator's."""
    settings: Any = family.settings
    generator, discriminator = family.networks["generator"], family.networks["discriminator"]
    draws = torch.Generator().manual_seed(seed)
    of_generator, of_discriminator = adam(settings, generator), adam(settings, discriminator)
    average = Average(generator, settings.ema)
    last = Last(steps)
    for x in batches(split, settings.batch_size, steps, draws):
        with torch.no_grad():
            fake = generator(torch.randn(len(x), settings.latent, generator=draws))
        loss = F.relu(1 - discriminator(x)).mean() + F.relu(1 + discriminator(fake)).mean()
        of_discriminator.zero_grad()
        loss.backward()
        of_discriminator.step()
        last.add(loss)
        step_by_score(generator, discriminator, of_generator, settings, len(x), draws)
        average.update()
    return last.mean()


def wgan_gp(family: Family, split: Split, steps: int, seed: int) -> float:
    """The loss is the critic's with its penalty, of its last update in each step."""
    settings: Any = family.settings
    generator, critic = family.networks["generator"], family.networks["discriminator"]
    updates, weight = settings.discriminator.updates, settings.penalties[0].weight
    draws = torch.Generator().manual_seed(seed)
    of_generator, of_critic = adam(settings, generator), adam(settings, critic)
    average = Average(generator, settings.ema)
    last = Last(steps)
    stream = batches(split, settings.batch_size, steps * updates, draws)
    for _ in range(steps):
        for x in islice(stream, updates):
            with torch.no_grad():
                fake = generator(torch.randn(len(x), settings.latent, generator=draws))
            mix = torch.rand(len(x), 1, 1, 1, generator=draws)
            between = (mix * x + (1 - mix) * fake).requires_grad_()
            slope = torch.autograd.grad(critic(between).sum(), between, create_graph=True)[0]
            penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
            loss = critic(fake).mean() - critic(x).mean() + weight * penalty
            of_critic.zero_grad()
            loss.backward()
            of_critic.step()
        last.add(loss)
        step_by_score(generator, critic, of_generator, settings, settings.batch_size, draws)
        average.update()
    return last.mean()


def step_by_score(  # noqa: PLR0913, PLR0917 - the players, and what a step draws
    generator: nn.Module, discriminator: nn.Module, optimizer: torch.optim.Adam, settings: Any,
    size: int, draws: torch.Generator,
) -> None:  # fmt: skip
    """The generator's step by the discriminator's mean output."""
    discriminator.requires_grad_(False)
    fake = generator(torch.randn(size, settings.latent, generator=draws))
    loss = -discriminator(fake).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    discriminator.requires_grad_(True)


def batches(split: Split, size: int, steps: int, draws: torch.Generator) -> Iterator[Tensor]:
    """So many batches of floats in [-1, 1], in a new order each epoch."""
    for chosen in indices(split, size, steps, draws):
        yield split.images.index_select(0, chosen).float().div_(127.5).sub_(1)


def indices(split: Split, size: int, steps: int, draws: torch.Generator) -> Iterator[Tensor]:
    """Numbers of images for a count of batches, int64 N; of two domains, one of each in turn."""
    if split.unpaired:
        domains = [(split.labels == domain).nonzero()[:, 0] for domain in (0, 1)]
        parts = [_shuffled(domain, size // 2, steps, draws) for domain in domains]
        for pair in zip(*parts, strict=True):
            yield torch.stack(pair, dim=1).flatten()
    else:
        yield from _shuffled(torch.arange(len(split)), size, steps, draws)


def _shuffled(subset: Tensor, size: int, steps: int, draws: torch.Generator) -> Iterator[Tensor]:
    order = torch.empty(0, dtype=torch.int64)
    for _ in range(steps):
        while len(order) < size:
            order = torch.cat([order, subset[torch.randperm(len(subset), generator=draws)]])
        chosen, order = order[:size], order[size:]
        yield chosen


def adam(settings: Any, *networks: nn.Module) -> torch.optim.Adam:
    parameters = [p for network in networks for p in network.parameters()]
    return torch.optim.Adam(parameters, settings.optimizer.lr, settings.optimizer.betas, fused=True)


class Average:
    """Of a network's weights, with the ramp that ours has; does nothing without a decay."""

    def __init__(self, network: nn.Module, decay: float | None) -> None:
        self._network, self._decay, self._step = network, decay, 0
        self._average = copy.deepcopy(network).requires_grad_(False) if decay else None

    @torch.no_grad()
    def update(self) -> None:
        if self._average is None or self._decay is None:
            return
        self._step += 1
        weight = 1 - min(self._decay, (1 + self._step) / (10 + self._step))
        lagging, current = list(self._average.parameters()), list(self._network.parameters())
        torch._foreach_lerp_(lagging, current, weight)
        for old, new in zip(self._average.buffers(), self._network.buffers(), strict=True):
            old.copy_(new)

    @torch.no_grad()
    def adopt(self) -> None:
        """Gives the network the averaged weights."""
        if self._average is not None:
            self._network.load_state_dict(self._average.state_dict())


class Last:
    """The mean loss of the last tenth of the steps, read when all is done."""

    def __init__(self, steps: int, done: int = 0) -> None:
        """Of `steps` in all, those that are `done` have a loss that is not asked for."""
        self._from, self._step = steps - math.ceil(steps / 10), done
        self._losses: list[Tensor] = []

    def add(self, loss: Tensor) -> None:
        if self._step >= self._from:
            self._losses.append(loss.detach())
        self._step += 1

    def mean(self) -> float:
        return float(torch.stack(self._losses).mean())
