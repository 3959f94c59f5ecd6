"""Batches of training images, as a pure function of seed and batch index."""

from __future__ import annotations

import torch

from harness import seeding
from harness.data.base import Split
from harness.data.counter import keys
from harness.data.pixels import to_float
from harness.data.presentation import Shown


class Batches:
    """Endless shuffled batches of a split.

    The images of all epochs form one sequence: each epoch is a new order of the whole split, drawn
    from (seed, epoch) alone. Batch `i` is the images i·batch_size to (i+1)·batch_size - 1 of it,
    so a batch may span epochs, no image is left out, and a resumed run needs nothing but an index.

    Images are kept as uint8 on `device` where they take at most a quarter of its free memory;
    otherwise they stay in host memory, and each batch is gathered there and copied.
    """

    def __init__(
        self, split: Split, batch_size: int, seed: int, device: torch.device | str = "cpu"
    ) -> None:
        self.batch_size = batch_size
        self.seed = seed
        self.device = torch.device(device)
        home = self.device if _fits(split.images, self.device) else torch.device("cpu")
        self._images = split.images.to(home)
        self._labels = split.labels.to(home)
        self._sources = None if split.sources is None else split.sources.to(home)
        self._present = split.presentation
        self._present_seed = seeding.derive(seed, "presentation")
        self._epoch = -1
        self._order = torch.empty(0)

    def batch(self, index: int) -> Shown:
        """Batch `index` (from 0) on the device, B images with all that belongs to them."""
        chosen = self._indices(index)
        images = self._images[chosen].to(self.device, non_blocking=True)
        labels = self._labels[chosen].to(self.device, non_blocking=True)
        if self._present:
            start = index * self.batch_size
            places = torch.arange(start, start + self.batch_size, device=self.device)
            return self._present(images, labels, keys(self._present_seed, places))
        if self._sources is None:
            return Shown(to_float(images), labels)
        sources = self._sources[chosen].to(self.device, non_blocking=True)
        return Shown(to_float(images), labels, to_float(sources))

    def _indices(self, index: int) -> torch.Tensor:
        start, stop = index * self.batch_size, (index + 1) * self.batch_size
        size = len(self._images)
        parts = []
        while start < stop:
            epoch, offset = divmod(start, size)
            taken = min(size - offset, stop - start)
            parts.append(self._order_of(epoch)[offset : offset + taken])
            start += taken
        return torch.cat(parts)

    def _order_of(self, epoch: int) -> torch.Tensor:
        if epoch != self._epoch:
            generator = seeding.generator(self.seed, "order", epoch)
            order = torch.randperm(len(self._images), generator=generator)
            self._order = order.to(self._images.device)
            self._epoch = epoch
        return self._order


def _fits(images: torch.Tensor, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return images.nbytes <= free // 4
