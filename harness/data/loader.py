"""Batches of training images, as a pure function of seed and batch index."""

from __future__ import annotations

import torch

from harness import seeding
from harness.data.base import Split
from harness.data.pixels import to_float


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
        self._epoch = -1
        self._order = torch.empty(0)

    def batch(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Batch `index` (from 0) on the device: x float32 B×C×H×W in [-1, 1], labels int64 B."""
        chosen = self._indices(index)
        images = self._images[chosen].to(self.device, non_blocking=True)
        return to_float(images), self._labels[chosen].to(self.device, non_blocking=True)

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
