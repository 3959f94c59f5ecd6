"""One model's batches spread over several processes of one machine, each on a device of its own.

Each process has the whole model and draws the noise of the whole batch, takes its own rows of both,
and gradients and losses are averaged between backward and step: the steps are those that one
process would make on the whole batch, up to the order of sums.

torch.distributed carries the averages. Its DistributedDataParallel is not used: it wraps one module
and reduces while one forward pass is undone, whereas a loss here is a function of several networks,
of which it may train some, call one many times, and differentiate inside (penalties).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from harness.core.errors import BadInput
from harness.data.batch import Batch
from harness.families.base import PROGRESS, Family, Losses, Noise, Player
from harness.training.freezing import set_modes

TOLERANCE = 1e-3
"""How far, in relation, a gradient on a batch may be from the mean of those on its parts."""


def is_spread() -> bool:
    """Whether this process is one of several that train one model."""
    return dist.is_available() and dist.is_initialized()


_whole = False


@contextmanager
def whole_batches() -> Iterator[None]:
    """While the block runs, each process computes on whole batches, which are the same in all."""
    global _whole  # noqa: PLW0603 - of this process, as its group is
    _whole = True
    try:
        yield
    finally:
        _whole = False


def share(batch: Batch, noise: Noise) -> tuple[Batch, Noise]:
    """This process's rows of a batch and of its noise; all of them where it is alone."""
    if not is_spread():
        return batch, noise
    size = len(batch.x) // dist.get_world_size()
    return rows(batch, noise, dist.get_rank() * size, size)


def rows(batch: Batch, noise: Noise, start: int, size: int) -> tuple[Batch, Noise]:
    """`size` rows of a batch and its noise. Noise that has no row for each image stays whole."""
    count, taken = len(batch.x), slice(start, start + size)

    def cut(value: Any) -> Any:
        has_rows = isinstance(value, Tensor) and value.dim() > 0 and len(value) == count
        return value[taken] if has_rows else value

    own = {field.name: cut(getattr(batch, field.name)) for field in fields(batch)}
    return replace(batch, **own), {name: cut(value) for name, value in noise.items()}


@torch.no_grad()
def average_gradients(parameters: Sequence[nn.Parameter], losses: Losses) -> Losses:
    """Gives every process the mean of all gradients; the mean of all losses."""
    if not is_spread():
        return losses
    gradients = [p.grad for p in parameters if p.grad is not None]
    means = [torch.stack([value.detach() for value in losses.values()]), *gradients]
    flat = torch.cat([tensor.flatten() for tensor in means])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    for old, new in zip(
        means, torch.split(flat, [tensor.numel() for tensor in means]), strict=True
    ):
        old.copy_(new.view_as(old))
    return dict(zip(losses, means[0], strict=True))


def prepare_family(family: Family, batch: Batch, generator: torch.Generator) -> None:
    """Makes an untrained `family` ready to be trained by several processes: batch normalisation
    takes the statistics of the whole batch. BadInput where its batches cannot be spread.
    """
    parts = dist.get_world_size()
    phases = family.phases()
    for size in (len(batch.x), *(phase.batch_size or 0 for phase in phases)):
        if size % parts:
            raise BadInput(f"batches of {size} images cannot be shared by {parts} processes")
    few, _ = rows(batch, {}, 0, min(2 * parts, len(batch.x)))
    for phase in phases:
        set_modes(family.networks, phase.trains)
        for player in (p for p in phase.players if _learns(p, family.networks)):
            noise = draw_noise_aside(player, family.networks, few, generator, progress=0.0)
            _check(family.networks, player, few, noise, parts)
    for parent in list(family.networks.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm):
                setattr(parent, name, SharedBatchNorm.of(child))


def draw_noise(
    player: Player,
    networks: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    progress: float,
) -> Noise:
    """The noise of an update on a whole batch, as the player's `prepare` leaves it. `progress`, in
    [0, 1), is part of it where the player reads it.
    """
    noise = player.noise(len(batch.x), generator)
    if player.reads_progress:
        noise = {**noise, PROGRESS: torch.full((), progress, device=batch.x.device)}
    if player.prepare is None:
        return noise
    with torch.no_grad(), whole_batches():
        return player.prepare(networks, batch, noise)


def draw_noise_aside(
    player: Player,
    networks: nn.ModuleDict,
    batch: Batch,
    generator: torch.Generator,
    progress: float,
) -> Noise:
    """What `draw_noise` returns, for a loss that is no part of training: the state of the player's
    `prepare` stays as it is.
    """
    if isinstance(player.prepare, nn.Module):
        player = replace(player, prepare=copy.deepcopy(player.prepare).to(batch.x.device))
    return draw_noise(player, networks, batch, generator, progress)


def _learns(player: Player, networks: nn.ModuleDict) -> bool:
    return any(p.requires_grad for name in player.trains for p in networks[name].parameters())


def _check(networks: nn.ModuleDict, player: Player, batch: Batch, noise: Noise, parts: int) -> None:
    """BadInput where a loss compares the images of a batch with one another, or a network learns
    from a batch by other means than gradients: the parts of a batch would then not add up.
    """
    size = len(batch.x) // parts
    starts = range(0, len(batch.x), size)
    cut = [(batch, noise), *(rows(batch, noise, start, size) for start in starts)]
    (whole, _), *tried = [_tried(networks, player, *part) for part in cut]
    mean = torch.stack([gradient for gradient, _ in tried]).mean(dim=0)
    if (mean - whole).norm() > TOLERANCE * whole.norm():
        raise BadInput(
            f"the loss of {player.name} compares the images of a batch with one another: its"
            " gradient is not the mean of those of the parts, so it cannot be spread over processes"
        )
    first, *others = (buffers for _, buffers in tried)
    for name in first:
        if not all(torch.equal(first[name], other[name]) for other in others):
            raise BadInput(
                f"{name} learns from batches without gradients, and cannot be spread over processes"
            )


def _tried(
    networks: nn.ModuleDict, player: Player, batch: Batch, noise: Noise
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """A loss's gradient as one vector, and the buffers after it. Batch normalisation does nothing:
    it is seen to apart.
    """
    copied = copy.deepcopy(networks).to(batch.x.device)
    for module in copied.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
    networks_parameters = (p for name in player.trains for p in copied[name].parameters())
    parameters = [p for p in networks_parameters if p.requires_grad]
    loss = player.loss(copied, batch, noise)["loss"]
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
    return torch.cat([g.flatten() for g in gradients]), dict(copied.named_buffers())


class _Sum(torch.autograd.Function):
    """The sum over processes, through which gradients flow, of any order."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total: Tensor = _Sum.apply(gradients[0])
        return total


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation by the statistics of all processes' images.

    torch's SyncBatchNorm does the same on GPUs only. This one runs, and is tested, on CPUs too.
    """

    @classmethod
    def of(cls, norm: _BatchNorm) -> SharedBatchNorm:
        """Takes the place of `norm`, whose parameters and buffers it has."""
        shared = cls(
            norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats
        )
        shared._parameters, shared._buffers = norm._parameters, norm._buffers
        return shared.train(norm.training)

    def forward(self, x: Tensor) -> Tensor:
        """x N×C×…, normalised for each channel."""
        if not (self.training and is_spread()) or _whole:
            return super().forward(x)
        across = [0, *range(2, x.dim())]
        count = x.numel() // x.shape[1] * dist.get_world_size()

        def mean_of(y: Tensor) -> Tensor:
            mean: Tensor = _Sum.apply(y.sum(across)) / count
            return mean.view(1, -1, *[1] * (x.dim() - 2))

        mean = mean_of(x)
        variance = mean_of((x - mean).square())
        self._follow(mean.detach().flatten(), variance.detach().flatten() * count / (count - 1))
        normal = (x - mean) * (variance + self.eps).rsqrt()
        if not self.affine:
            return normal
        return normal * self.weight.view_as(mean) + self.bias.view_as(mean)

    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Takes a batch's statistics into the running ones."""
        if not self.track_running_stats or self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        weight = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, weight)
        self.running_var.lerp_(variance, weight)

    def _check_input_dim(self, _: Tensor) -> None:
        """Takes images, signals and vectors alike."""
