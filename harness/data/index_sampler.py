"""In which order training shows images: one endless sequence, a pure function of seed and place."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from harness.core.seeding import generator
from harness.data.base import Split


class Indices(NamedTuple):
    """Part of the endless sequence of images: which they are, and 1 where one is mirrored."""

    chosen: Tensor
    mirrored: Tensor


class IndexSampler(Protocol):
    """An endless sequence."""

    def indices(self, start: int, stop: int) -> Indices:
        """The part of it from `start` to `stop` - 1."""
        ...


def index_sampler(split: Split, seed: int, home: torch.device) -> IndexSampler:
    """The sequence of a split's images; the places are on the device `home`."""
    if not split.unpaired:
        return ShuffledEpochs(torch.arange(len(split)), seed, (), home)
    first, second = (
        ShuffledEpochs((split.labels == domain).nonzero()[:, 0], seed, ("domain", domain), home)
        for domain in (0, 1)
    )
    return Interleaved(first, second)


class ShuffledEpochs:
    """Each epoch is a new order of the images `among` a split, and of which are mirrored, drawn
    from seed, names and epoch alone.
    """

    def __init__(
        self, among: Tensor, seed: int, names: tuple[str | int, ...], home: torch.device
    ) -> None:
        self._among = among
        self._seed = seed
        self._names = names
        self._home = home
        self._epoch = -1
        self._drawn = Indices(among, among)

    def indices(self, start: int, stop: int) -> Indices:
        """The part of the sequence from `start` to `stop` - 1."""
        size = len(self._among)
        parts: list[Indices] = []
        while start < stop or not parts:
            epoch, end = start // size, min(stop, (start // size + 1) * size)
            parts.append(self._of_epoch(epoch, start, end))
            start = end
        if len(parts) == 1:
            return parts[0]
        return Indices(*(torch.cat(part) for part in zip(*parts, strict=True)))

    def _of_epoch(self, epoch: int, start: int, stop: int) -> Indices:
        if epoch != self._epoch:
            self._drawn, self._epoch = self._draw(epoch), epoch
        taken = slice(start - epoch * len(self._among), stop - epoch * len(self._among))
        return Indices(*(drawn[taken] for drawn in self._drawn))

    def _draw(self, epoch: int) -> Indices:
        order, flips = (
            generator(self._seed, what, *self._names, epoch) for what in ("order", "flips")
        )
        chosen = self._among[torch.randperm(len(self._among), generator=order)]
        mirrored = torch.randint(2, (len(self._among),), generator=flips)
        return Indices(sent(chosen, self._home), sent(mirrored, self._home))


class Interleaved:
    """Two sequences as one: the first's images at even places, the second's at odd ones."""

    def __init__(self, first: ShuffledEpochs, second: ShuffledEpochs) -> None:
        self._parts = (first, second)

    def indices(self, start: int, stop: int) -> Indices:
        """The part of the sequence from `start` to `stop` - 1."""
        first, second = (
            part.indices((start + 1 - turn) // 2, (stop + 1 - turn) // 2)
            for turn, part in enumerate(self._parts)
        )
        return Indices(*(_in_turn(a, b, start % 2) for a, b in zip(first, second, strict=True)))


def _in_turn(first: Tensor, second: Tensor, offset: int) -> Tensor:
    both = first.new_empty(len(first) + len(second))
    both[offset::2], both[1 - offset :: 2] = first, second
    return both


def sent(chosen: Tensor, device: torch.device) -> Tensor:
    """On the device, though perhaps still on its way there."""
    if device.type == "cuda" and chosen.device.type == "cpu":
        chosen = chosen.pin_memory()
    return chosen.to(device, non_blocking=True)
