"""Loops written by hand, as in `bare_loops`, for models of several players."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from harness.data.base import Split
from harness.families.base import Family
from peers.bare_coding import noise_of
from peers.bare_loops import Average, Last, adam, batches


def unrolled_gan(family: Family, split: Split, steps: int, seed: int) -> float:
    """The loss is the discriminator's; the generator's is read some of its steps ahead."""
    settings: Any = family.settings
    generator, discriminator = family.networks["generator"], family.networks["discriminator"]
    of_generator, of_discriminator = adam(settings, generator), adam(settings, discriminator)
    first, second = noise_of(seed, "discriminator"), noise_of(seed, "generator")
    last = Last(steps)
    for x in batches(split, settings.batch_size, steps, torch.Generator().manual_seed(seed)):
        with torch.no_grad():
            fake = generator(torch.randn(len(x), settings.latent, generator=first))
        loss = F.softplus(-discriminator(x)).mean() + F.softplus(discriminator(fake)).mean()
        of_discriminator.zero_grad()
        loss.backward()
        of_discriminator.step()
        last.add(loss)

        fake = generator(torch.randn(len(x), settings.latent, generator=second))
        ahead = _ahead(discriminator, x, fake, settings.dynamics)
        loss = F.softplus(-functional_call(discriminator, dict(ahead), (fake,))).mean()
        of_generator.zero_grad()
        loss.backward()
        of_generator.step()
    return last.mean()


def _ahead(
    discriminator: nn.Module, x: Tensor, fake: Tensor, dynamics: Any
) -> Mapping[str, Tensor]:
    """The discriminator's parameters after some plain gradient steps."""
    ahead = {name: p.detach().requires_grad_() for name, p in discriminator.named_parameters()}
    for _ in range(dynamics.steps):
        on_x, on_fake = (functional_call(discriminator, ahead, (images,)) for images in (x, fake))
        loss = F.softplus(-on_x).mean() + F.softplus(on_fake).mean()
        slopes = torch.autograd.grad(loss, list(ahead.values()), create_graph=True)
        ahead = {
            name: p - dynamics.lr * g
            for (name, p), g in zip(ahead.items(), slopes, strict=True)
        }  # fmt: skip
    return ahead


def style_gan(family: Family, split: Split, steps: int, seed: int) -> float:
    """The loss is the discriminator's, with R1 in every step."""
    settings: Any = family.settings
    generator: Any = family.networks["generator"]
    discriminator = family.networks["discriminator"]
    of_generator, of_discriminator = adam(settings, generator), adam(settings, discriminator)
    first, second = noise_of(seed, "discriminator"), noise_of(seed, "generator")
    average, last = Average(generator, settings.ema), Last(steps)
    weight = settings.penalties[0].weight / 2

    def made(size: int, draws: torch.Generator, extra: bool) -> Tensor:
        z = torch.randn(size, settings.latent, generator=draws)
        if extra:
            torch.rand(size, generator=draws)  # what the harness draws for other penalties
        noise = [torch.randn(size, 1, side, side, generator=draws) for side in generator.sizes]
        crossover = torch.randint(1, len(noise), (size,), generator=draws)
        mixes = torch.rand(size, generator=draws) < settings.mixing
        other = torch.randn(size, settings.latent, generator=draws)
        images: Tensor = generator(z, noise, other, torch.where(mixes, crossover, len(noise)))
        return images

    for x in batches(split, settings.batch_size, steps, torch.Generator().manual_seed(seed)):
        with torch.no_grad():
            fake = made(len(x), first, extra=True)
        on_x = discriminator(x)
        real = x.detach().requires_grad_()
        slope = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)[0]
        loss = F.softplus(-on_x).mean() + F.softplus(discriminator(fake)).mean()
        loss = loss + weight * slope.flatten(1).square().sum(dim=1).mean()
        of_discriminator.zero_grad()
        loss.backward()
        of_discriminator.step()
        last.add(loss)

        discriminator.requires_grad_(False)
        loss = F.softplus(-discriminator(made(len(x), second, extra=False))).mean()
        of_generator.zero_grad()
        loss.backward()
        of_generator.step()
        discriminator.requires_grad_(True)
        average.update()
    return last.mean()


def cyclegan(family: Family, split: Split, steps: int, seed: int) -> float:
    """The loss is that of both discriminators."""
    settings: Any = family.settings
    networks = family.networks
    to_a, to_b = networks["to_a"], networks["to_b"]
    judges = nn.ModuleList([networks["critic_b"], networks["critic_a"]])
    judge_b, judge_a = judges
    of_judges, of_translators = adam(settings, judge_b, judge_a), adam(settings, to_b, to_a)
    averages = [Average(network, settings.ema) for network in (to_b, to_a)]
    last = Last(steps)
    for x in batches(split, settings.batch_size, steps, torch.Generator().manual_seed(seed)):
        a, b = x[0::2], x[1::2]
        with torch.no_grad():
            made_b, made_a = to_b(a), to_a(b)
        loss = _told_apart(judge_b, b, made_b) + _told_apart(judge_a, a, made_a)
        of_judges.zero_grad()
        loss.backward()
        of_judges.step()
        last.add(loss)

        judges.requires_grad_(False)
        made_b, made_a = to_b(a), to_a(b)
        loss = (judge_b(made_b) - 1).square().mean() + (judge_a(made_a) - 1).square().mean()
        cycle = F.l1_loss(to_a(made_b), a) + F.l1_loss(to_b(made_a), b)
        loss = loss + settings.cycle * cycle
        of_translators.zero_grad()
        loss.backward()
        of_translators.step()
        judges.requires_grad_(True)
        for average in averages:
            average.update()
    return last.mean()


def _told_apart(judge: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    return (judge(real) - 1).square().mean() / 2 + judge(fake).square().mean() / 2
