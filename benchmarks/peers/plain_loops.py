"""Plain loops on a public library's parts, one step after the other, as its README writes them.

`Adam` with its defaults and a `DataLoader` over floats in memory; no checkpoints, no curves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice, repeat
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from harness.data.base import Split
from peers.bare_loops import Last

LossOf = Callable[[Tensor], Tensor]
"""A batch of images N×C×S×S in [-1, 1] → the loss."""


def train_plainly(  # noqa: PLR0913, PLR0917 - what is trained, on what, how long
    network: nn.Module, loss_of: LossOf, split: Split, steps: int, seed: int, settings: Any,
    after: Callable[[], None] = lambda: None,
) -> float:  # fmt: skip
    """The mean loss of the last tenth of the steps."""
    torch.manual_seed(seed)
    optimizer = settings.optimizer
    adam = torch.optim.Adam(network.parameters(), optimizer.lr, optimizer.betas)
    last = Last(steps)
    for x in islice(_batches(split, settings.batch_size), steps):
        adam.zero_grad()
        loss = loss_of(x)
        loss.backward()
        adam.step()
        after()
        last.add(loss)
    return last.mean()


def _batches(split: Split, size: int) -> Iterator[Tensor]:
    """Whole batches, epoch after epoch."""
    images = TensorDataset(split.images.float() / 127.5 - 1)
    loader = DataLoader(images, size, shuffle=True, drop_last=True)
    return (x for (x,) in chain.from_iterable(repeat(loader)))
