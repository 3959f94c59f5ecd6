"""Training as scripts like those of pytorch/examples do it, with a recipe's networks and losses.

Images go through PIL and torchvision's transforms one by one in a `DataLoader`, are sent to the
device, `optim.Adam` is as it comes, gradients flow through all that is there, the average moves
parameter by parameter, and `loss.item()` is read at every step.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn, optim
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from harness.data.base import Split
from harness.data.batch import Batch
from on_gpu.bench import Bench


class Pictures(Dataset[tuple[Tensor, int]]):
    """As torchvision's sets of small images: arrays, made PIL images one by one."""

    def __init__(self, split: Split) -> None:
        self._arrays = split.images.permute(0, 2, 3, 1).squeeze(-1).numpy()
        self._labels = split.labels.tolist()
        steps = [transforms.ToTensor(), transforms.Normalize(0.5, 0.5)]
        self._transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._transform(Image.fromarray(self._arrays[index])), self._labels[index]


def train(bench: Bench, model: str, steps: int) -> list[float]:
    """So many steps; the losses."""
    family, device = bench.family(model), bench.device
    networks = family.networks.to(device).train()
    settings: Any = family.settings
    players = [(player, _adam(networks, player)) for player in family.phases()[0].players]
    averages = [(networks[name], copy.deepcopy(networks[name])) for name in family.averaged]
    draws = torch.Generator(device).manual_seed(0)
    log = []
    for x, labels in _batches(bench, settings.batch_size, steps):
        batch = Batch(x.to(device), labels.to(device))
        for player, optimizer in players:
            loss = player.loss(networks, batch, player.noise(len(x), draws))["loss"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            log.append(loss.item())
        for network, average in averages if settings.ema else []:
            for new, old in zip(network.parameters(), average.parameters(), strict=True):
                old.data.mul_(settings.ema).add_(new.data, alpha=1 - settings.ema)
    return log


def _adam(networks: nn.ModuleDict, player: Any) -> optim.Adam:
    parameters = [p for name in player.trains for p in networks[name].parameters()]
    return optim.Adam(parameters, lr=player.optimizer.lr, betas=player.optimizer.betas)


def _batches(bench: Bench, size: int, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    loader = DataLoader(
        Pictures(bench.dataset.train), size, shuffle=True, drop_last=True,
        num_workers=bench.workers, persistent_workers=bench.workers > 0,
        pin_memory=bench.device.type == "cuda",
    )  # fmt: skip
    left = steps
    while left > 0:
        for _, batch in zip(range(left), loader, strict=False):
            yield batch[0], batch[1]
            left -= 1
