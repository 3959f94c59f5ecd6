"""The VAE of pythae (Chadebec et al. 2022, arXiv:2206.08309) with our networks, by its trainer."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn

from harness.families.base import Family


class Encoder(BaseEncoder):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> ModelOutput:
        mean, logvar = self.network(x).chunk(2, dim=1)
        return ModelOutput(embedding=mean, log_covariance=logvar)


class Decoder(BaseDecoder):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.network(z))


class Losses(TrainingCallback):
    """The mean loss of each epoch, which the trainer tells its callbacks."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def on_log(self, training_config: object, logs: dict[str, float], **_: object) -> None:
        self.found.append(logs["train_epoch_loss"])


class Training:
    """A VAE of unit variance, which is the one that pythae has, ready to be trained."""

    def __init__(
        self, family: Family, images: Tensor, epochs: int, seed: int, folder: Path
    ) -> None:
        logging.getLogger("pythae").setLevel(logging.ERROR)
        settings: Any = family.settings
        config = VAEConfig(input_dim=tuple(images.shape[1:]), latent_dim=settings.latent)
        networks = family.networks
        model = VAE(config, Encoder(networks["encoder"]), Decoder(networks["decoder"]))
        self.losses = Losses()
        self.trainer = BaseTrainer(
            model,
            BaseDataset(images / 127.5 - 1, torch.zeros(len(images))),
            training_config=BaseTrainerConfig(
                output_dir=str(folder),
                per_device_train_batch_size=settings.batch_size,
                num_epochs=epochs,
                learning_rate=settings.optimizer.lr,
                optimizer_params={"betas": settings.optimizer.betas},
                seed=seed,
                no_cuda=True,
            ),
            callbacks=[self.losses],
        )
        self.constant = images[0].numel() * 0.5 * math.log(2 * math.pi)

    def run(self) -> None:
        self.trainer.train()

    def loss(self) -> float:
        """Of the last epoch, in our nats: pythae leaves the constant of the Gaussian out."""
        return self.losses.found[-1] + self.constant
