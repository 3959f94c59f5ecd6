"""The training loop of the unconditional example of diffusers, with accelerate.

Its options are those that train as a recipe does: a constant learning rate, no warm-up, no weight
decay, no moving average. The example also clips gradients, which would be more work and another
training; that line is left out.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from diffusers import DDPMScheduler, UNet2DModel
from diffusers.optimization import get_scheduler
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from tqdm.auto import tqdm


class Pictures(Dataset[dict[str, Tensor]]):
    """PIL images, transformed as the example does: resized, cropped and normalised."""

    def __init__(self, pictures: list[Any], size: int) -> None:
        self._pictures = pictures
        self._transform = transforms.Compose(
            [
                transforms.Resize(size, interpolation=transforms.InterpolationMode.BILINEAR),
                transforms.CenterCrop(size),
                transforms.ToTensor(),
                transforms.Normalize([0.5], [0.5]),
            ]
        )

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"input": self._transform(self._pictures[index])}


def train(model: UNet2DModel, pictures: list[Any], steps: int, seed: int, settings: Any) -> float:
    """The mean loss of the last tenth of the steps."""
    torch.manual_seed(seed)
    accelerator = Accelerator(cpu=True, mixed_precision="no")
    scheduler = DDPMScheduler(settings.timesteps, beta_schedule=settings.schedule)
    adam = settings.optimizer
    optimizer = torch.optim.AdamW(model.parameters(), adam.lr, adam.betas, weight_decay=0.0)
    images = Pictures(pictures, int(model.config.sample_size))
    loader = DataLoader(images, settings.batch_size, shuffle=True, drop_last=True)
    lr_scheduler = get_scheduler("constant", optimizer, num_training_steps=steps)
    model, optimizer, loader, lr_scheduler = accelerator.prepare(
        model, optimizer, loader, lr_scheduler
    )
    losses: list[float] = []
    progress = tqdm(total=steps, disable=True)
    model.train()
    while len(losses) < steps:
        for batch in loader:
            clean = batch["input"]
            noise = torch.randn(clean.shape, dtype=clean.dtype, device=clean.device)
            t = torch.randint(0, settings.timesteps, (len(clean),), device=clean.device)
            noisy = scheduler.add_noise(clean, noise, t)
            with accelerator.accumulate(model):
                loss = F.mse_loss(model(noisy, t).sample.float(), noise.float())
                accelerator.backward(loss)
                optimizer.step()
                lr_scheduler.step()
                optimizer.zero_grad()
            progress.update(1)
            losses.append(loss.detach().item())
            if len(losses) == steps:
                break
    accelerator.end_training()
    last = losses[-math.ceil(steps / 10) :]
    return sum(last) / len(last)
