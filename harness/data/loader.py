"""Batches of training images, as a pure function of seed and batch index."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from harness.core import seeding
from harness.data.base import Split
from harness.data.batch import Batch
from harness.data.counter_rng import keys
from harness.data.hashed_words import word_ids
from harness.data.index_sampler import Indices, index_sampler, to_device
from harness.data.pixels import to_float
from harness.data.tokenizer import Tokenizer


class Batches:
    """Endless shuffled batches of a split.

    The images of all epochs form one sequence: each epoch is a new order of the whole split, drawn
    from (seed, epoch) alone. Batch `i` is the images i·batch_size to (i+1)·batch_size - 1 of it,
    so a batch may span epochs, no image is left out, and a resumed run needs nothing but an index.
    With `flip` half of the images in this sequence are mirrored left to right, drawn from
    (seed, epoch) as well: independent of the batch size, and without effect on the order.

    Each of two unpaired domains has such a sequence of its own; images of the first are at even
    positions, those of the second at odd ones.

    Images are kept as uint8 on `device` where they take at most a quarter of its free memory;
    otherwise they stay in host memory, and each batch is gathered there and sent through pinned
    memory, so that nothing waits for the device.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
        *,
        flip: bool = False,
    ) -> None:
        self.batch_size = batch_size
        self.seed = seed
        self.device = torch.device(device)
        self.flip = flip
        home = self.device if _fits(split.images, self.device) else torch.device("cpu")
        self._images = split.images.to(home)
        self._labels = split.labels.to(home)
        self._sources = None if split.sources is None else split.sources.to(home)
        self._texts: tuple[Tensor, Tensor] | None = None
        if split.texts is not None:
            tokens = Tokenizer.of(split.texts).encode(split.texts)
            self._texts = word_ids(split.texts).to(home), tokens.to(home)
        self._transform = split.transform
        self._transform_seed = seeding.derive(seed, "presentation")
        self._sampler = index_sampler(split, seed, home)

    def batch(self, index: int) -> Batch:
        """Batch `index`, from 0: `batch_size` images and what belongs to them, on the device."""
        start = index * self.batch_size
        return self._between(start, start + self.batch_size)

    def epoch(self) -> Iterator[Batch]:
        """Every image once, in batches of `batch_size`; the last may be smaller. Of two domains as
        many images as both have, in turn.
        """
        for start in range(0, len(self._labels), self.batch_size):
            yield self._between(start, min(start + self.batch_size, len(self._labels)))

    def of_size(self, batch_size: int) -> Batches:
        """The same sequence of images in batches of another size; it shares their memory."""
        other = copy.copy(self)
        other.batch_size = batch_size
        return other

    def _between(self, start: int, stop: int) -> Batch:
        """The images from `start` to `stop` - 1 of the sequence."""
        indices = self._sampler.indices(start, stop)
        batch = self._batch_at(start, indices)
        if self._texts is None:
            return batch
        words, tokens = (
            to_device(ids.index_select(0, indices.images), self.device) for ids in self._texts
        )
        return replace(batch, words=words, tokens=tokens)

    def _batch_at(self, start: int, indices: Indices) -> Batch:
        images = self._gather(self._images, indices)
        labels = to_device(self._labels.index_select(0, indices.images), self.device)
        if self._transform:
            numbers = torch.arange(start, start + len(images), device=self.device)
            return self._transform(images, labels, keys(self._transform_seed, numbers))
        if self._sources is None:
            return Batch(to_float(images), labels)
        return Batch(to_float(images), labels, to_float(self._gather(self._sources, indices)))

    def _gather(self, images: Tensor, indices: Indices) -> Tensor:
        """The images at `indices` on the device, mirrored where `flip` and the indices say so."""
        selected = images.index_select(
            0, indices.images
        )  # several times as fast as images[indices]
        if self.flip:
            # Selecting from both is faster than writing into some, and waits for nothing on a GPU.
            both = torch.cat([selected, selected.flip(-1)])
            rows = torch.arange(len(selected), device=selected.device)
            selected = both.index_select(0, rows + len(selected) * indices.mirrored)
        return to_device(selected, self.device)


def _fits(images: torch.Tensor, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return images.nbytes <= free // 4
