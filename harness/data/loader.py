"""Batches of training images, as a pure function of seed and batch index."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from harness import seeding
from harness.data.base import Split
from harness.data.counter import keys
from harness.data.pixels import to_float
from harness.data.presentation import Shown
from harness.data.words import word_ids


class Places(NamedTuple):
    """Part of the endless sequence of images: which they are, and 1 where one is mirrored."""

    chosen: Tensor
    mirrored: Tensor


class Batches:
    """Endless shuffled batches of a split.

    The images of all epochs form one sequence: each epoch is a new order of the whole split, drawn
    from (seed, epoch) alone. Batch `i` is the images i·batch_size to (i+1)·batch_size - 1 of it,
    so a batch may span epochs, no image is left out, and a resumed run needs nothing but an index.
    With `flip` half of the places in this sequence show their image mirrored left to right, drawn
    from (seed, epoch) as well: whatever the batch size, and without effect on the order.

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
        self._words = None if split.texts is None else word_ids(split.texts).to(home)
        self._present = split.presentation
        self._present_seed = seeding.derive(seed, "presentation")
        self._epoch = -1
        self._drawn = Places(torch.empty(0), torch.empty(0))

    def batch(self, index: int) -> Shown:
        """Batch `index` (from 0) on the device, B images with all that belongs to them."""
        places = self._places(index)
        shown = self._images_at(index, places)
        if self._words is None:
            return shown
        words = _sent(self._words.index_select(0, places.chosen), self.device)
        return shown._replace(words=words)

    def _images_at(self, index: int, places: Places) -> Shown:
        images = self._gathered(self._images, places)
        labels = _sent(self._labels.index_select(0, places.chosen), self.device)
        if self._present:
            start = index * self.batch_size
            numbers = torch.arange(start, start + self.batch_size, device=self.device)
            return self._present(images, labels, keys(self._present_seed, numbers))
        if self._sources is None:
            return Shown(to_float(images), labels)
        return Shown(to_float(images), labels, to_float(self._gathered(self._sources, places)))

    def _gathered(self, images: Tensor, places: Places) -> Tensor:
        """The chosen of `images` on the device, mirrored where they are to be."""
        found = images.index_select(0, places.chosen)  # several times as fast as images[chosen]
        if self.flip:
            # Choosing from both is faster than writing into some, and waits for nothing on a GPU.
            both = torch.cat([found, found.flip(-1)])
            rows = torch.arange(len(found), device=found.device)
            found = both.index_select(0, rows + len(found) * places.mirrored)
        return _sent(found, self.device)

    def _places(self, index: int) -> Places:
        start, stop = index * self.batch_size, (index + 1) * self.batch_size
        size = len(self._images)
        parts = []
        while start < stop:
            epoch, offset = divmod(start, size)
            taken = slice(offset, offset + min(size - offset, stop - start))
            chosen, mirrored = self._places_of(epoch)
            parts.append((chosen[taken], mirrored[taken]))
            start += taken.stop - taken.start
        if len(parts) == 1:
            return Places(*parts[0])
        return Places(*(torch.cat(part) for part in zip(*parts, strict=True)))

    def _places_of(self, epoch: int) -> Places:
        if epoch != self._epoch:
            size = len(self._images)
            order = torch.randperm(size, generator=seeding.generator(self.seed, "order", epoch))
            flips = seeding.generator(self.seed, "flips", epoch)
            mirrored = torch.randint(2, (size,), generator=flips)
            home = self._images.device
            self._drawn = Places(*(_sent(drawn, home) for drawn in (order, mirrored)))
            self._epoch = epoch
        return self._drawn


def _sent(chosen: Tensor, device: torch.device) -> Tensor:
    """On the device, though perhaps still on its way there."""
    if device.type == "cuda" and chosen.device.type == "cpu":
        chosen = chosen.pin_memory()
    return chosen.to(device, non_blocking=True)


def _fits(images: torch.Tensor, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return images.nbytes <= free // 4
