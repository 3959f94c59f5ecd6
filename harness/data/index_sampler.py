"""The order in which training shows images: one endless sequence, a pure function of the seed."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from harness.core.seeding import generator
from harness.data.base import Split


class Indices(NamedTuple):
    """Part of the endless sequence of training images."""

    images: Tensor
    """Indices into the split, int64 N."""
    mirrored: Tensor
    """1 where the image is mirrored left to right, else 0: int64 N."""


class IndexSampler(Protocol):
    """An endless sequence of images of a split."""

    def indices(self, start: int, stop: int) -> Indices:
        """The part of it from `start` to `stop` - 1."""
        ...


def index_sampler(split: Split, seed: int, home: torch.device) -> IndexSampler:
    """Return the sequence in which a split's images are shown; its tensors are on the device
    `home`.
    """
    if not split.unpaired:
        return ShuffledEpochs(torch.arange(len(split)), seed, (), home)
    first, second = (
        ShuffledEpochs((split.labels == domain).nonzero()[:, 0], seed, ("domain", domain), home)
        for domain in (0, 1)
    )
    return Interleaved(first, second)


class ShuffledEpochs:
    """Epochs that each show the images `subset` (indices into a split) once, in a new order.

    Order and mirroring are drawn from the seed, the names and the epoch alone.
    """

    def __init__(
        self, subset: Tensor, seed: int, names: tuple[str | int, ...], home: torch.device
    ) -> None:
        self._subset = subset
        self._seed = seed
        self._names = names
        self._home = home
        self._epoch = -1
        self._drawn = Indices(subset, subset)

    def indices(self, start: int, stop: int) -> Indices:
        """The part of the sequence from `start` to `stop` - 1."""
        size = len(self._subset)
        parts: list[Indices] = []
        while start < stop or not parts:
            epoch, end = start // size, min(stop, (start // size + 1) * size)
            parts.append(self._within_epoch(epoch, start, end))
            start = end
        if len(parts) == 1:
            return parts[0]
        return Indices(*(torch.cat(part) for part in zip(*parts, strict=True)))

    def _within_epoch(self, epoch: int, start: int, stop: int) -> Indices:
        if epoch != self._epoch:
            self._drawn, self._epoch = self._draw(epoch), epoch
        span = slice(start - epoch * len(self._subset), stop - epoch * len(self._subset))
        return Indices(*(drawn[span] for drawn in self._drawn))

    def _draw(self, epoch: int) -> Indices:
        order, flips = (
            generator(self._seed, name, *self._names, epoch) for name in ("order", "flips")
        )
        images = self._subset[torch.randperm(len(self._subset), generator=order)]
        mirrored = torch.randint(2, (len(self._subset),), generator=flips)
        return Indices(to_device(images, self._home), to_device(mirrored, self._home))


class Interleaved:
    """Two sequences as one: the first's images at even positions, the second's at odd ones."""

    def __init__(self, first: ShuffledEpochs, second: ShuffledEpochs) -> None:
        self._parts = (first, second)

    def indices(self, start: int, stop: int) -> Indices:
        """The part of the sequence from `start` to `stop` - 1."""
        first, second = (
            part.indices((start + 1 - turn) // 2, (stop + 1 - turn) // 2)
            for turn, part in enumerate(self._parts)
        )
        return Indices(*(_interleave(a, b, start % 2) for a, b in zip(first, second, strict=True)))


def _interleave(first: Tensor, second: Tensor, offset: int) -> Tensor:
    both = first.new_empty(len(first) + len(second))
    both[offset::2], both[1 - offset :: 2] = first, second
    return both


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor to the device without waiting; from the CPU to a GPU through pinned memory."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
