"""A training script as pytorch/examples has them, for four models; one run trains one seed.

    python benchmarks/peers/example_script.py vae --seed 1 --data-root DIR --settings JSON

What such scripts have in common: MNIST through torchvision, decoded and transformed image by image
with PIL; a shuffled `DataLoader`; `optim.Adam` as it comes, `zero_grad`, `backward` through all
that is there, `loss.item()` at every step and a line of log now and then; at the end a checkpoint
and a grid of samples. The number of workers is that of the example: `vae` has none on a CPU,
`dcgan` two. Of the rest, the MLP GAN follows the common script for MNIST, and DDPM those that train
a U-Net with a moving average of its weights. Networks and numbers are those of our recipes.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from torchvision.utils import save_image

from harness.networks.convnet import Decoder, Encoder
from harness.networks.mlp import MLPDecoder, MLPEncoder
from harness.networks.unet import UNet

SIZE, CHANNELS, SAMPLES = 28, 1, 64
WORKERS = {"mlp-gan": 0, "vae": 0, "dcgan": 2, "ddpm": 2}


def loader(args: argparse.Namespace) -> Iterator[Tensor]:
    """Batches until so many images were shown."""
    steps = [transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
    images = datasets.MNIST(args.data_root, train=True, transform=transforms.Compose(steps))
    workers = WORKERS[args.model]
    batches = DataLoader(
        images, args.settings["batch_size"], shuffle=True, drop_last=True, num_workers=workers,
        persistent_workers=workers > 0,
    )  # fmt: skip
    left = math.ceil(args.images / args.settings["batch_size"])
    while left > 0:
        for x, _ in batches:
            yield x
            left -= 1
            if left == 0:
                return


def adam(network: nn.Module, s: dict[str, Any]) -> optim.Adam:
    return optim.Adam(network.parameters(), lr=s["optimizer"]["lr"], betas=s["optimizer"]["betas"])


def train_vae(args: argparse.Namespace, log: Log) -> Tensor:
    s = args.settings
    encoder = Encoder(CHANNELS, SIZE, s["width"], 2 * s["latent"], nn.LeakyReLU(0.2))
    decoder = Decoder(s["latent"], CHANNELS, SIZE, s["width"], nn.LeakyReLU(0.2))
    model = nn.ModuleDict({"encoder": encoder, "decoder": decoder})
    optimizer = adam(model, s)
    for x in loader(args):
        optimizer.zero_grad()
        mu, logvar = encoder(x).chunk(2, dim=1)
        std = torch.exp(0.5 * logvar)
        recon = decoder(mu + std * torch.randn_like(std))
        mse = F.mse_loss(recon, x, reduction="sum") / (2 * s["sigma"] ** 2)
        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        loss = (mse + kld) / len(x)
        loss.backward()
        optimizer.step()
        # with the constant of a Gaussian's density, as ours has it
        log.add(loss.item() + x[0].numel() * math.log(s["sigma"] * math.sqrt(2 * math.pi)))
    torch.save(model.state_dict(), args.out / "model.pt")
    with torch.no_grad():
        return decoder.eval()(torch.randn(SAMPLES, s["latent"]))


def train_gan(args: argparse.Namespace, log: Log) -> Tensor:
    """DCGAN, or its like of fully connected layers. The loss is the discriminator's."""
    s = args.settings
    if args.model == "dcgan":
        netG: nn.Module = Decoder(s["latent"], CHANNELS, SIZE, s["width"], nn.ReLU())
        netD: nn.Module = Encoder(CHANNELS, SIZE, s["width"], 1, nn.LeakyReLU(0.2))
        netG.apply(weights_init)
        netD.apply(weights_init)
    else:
        sizes = (CHANNELS, SIZE, s["width"])
        netG = MLPDecoder(s["latent"], *sizes, nn.ReLU(), s["depth"])
        netD = MLPEncoder(*sizes, 1, nn.LeakyReLU(0.2), s["depth"])
    criterion = nn.BCEWithLogitsLoss()
    optimizerD, optimizerG = adam(netD, s), adam(netG, s)
    for x in loader(args):
        netD.zero_grad()
        real, made = torch.ones(len(x), 1), torch.zeros(len(x), 1)
        errD_real = criterion(netD(x), real)
        errD_real.backward()
        fake = netG(torch.randn(len(x), s["latent"]))
        errD_fake = criterion(netD(fake.detach()), made)
        errD_fake.backward()
        errD = errD_real + errD_fake
        optimizerD.step()

        netG.zero_grad()
        errG = criterion(netD(fake), real)
        errG.backward()
        optimizerG.step()
        log.add(errD.item(), errG.item())
    torch.save(netG.state_dict(), args.out / "netG.pt")
    torch.save(netD.state_dict(), args.out / "netD.pt")
    with torch.no_grad():
        return netG.eval()(torch.randn(SAMPLES, s["latent"]))


def weights_init(m: nn.Module) -> None:
    if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(m.weight, 0.0, 0.02)
        nn.init.zeros_(m.bias)
    elif isinstance(m, nn.BatchNorm2d):
        nn.init.normal_(m.weight, 1.0, 0.02)
        nn.init.zeros_(m.bias)


class EMA:
    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model, self.decay, self.step = model, decay, 0
        self.shadow = copy.deepcopy(model).requires_grad_(False)

    def update(self) -> None:
        self.step += 1
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        pairs = zip(self.shadow.parameters(), self.model.parameters(), strict=True)
        for old, new in pairs:
            old.data.mul_(decay).add_(new.data, alpha=1 - decay)


def train_ddpm(args: argparse.Namespace, log: Log) -> Tensor:
    s = args.settings
    T = s["timesteps"]
    alphas_cumprod = (1 - torch.linspace(1e-4, 0.02, T)).cumprod(0)
    model = UNet(CHANNELS, SIZE, s["width"] * SIZE)
    optimizer, ema = adam(model, s), EMA(model, s["ema"])
    for x in loader(args):
        t = torch.randint(0, T, (len(x),))
        noise = torch.randn_like(x)
        left = alphas_cumprod[t].view(-1, 1, 1, 1)
        loss = F.mse_loss(model(left.sqrt() * x + (1 - left).sqrt() * noise, t), noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ema.update()
        log.add(loss.item())
    torch.save(ema.shadow.state_dict(), args.out / "model.pt")
    return ddim(ema.shadow.eval(), alphas_cumprod, s["sampling"]["steps"])


@torch.no_grad()
def ddim(model: nn.Module, alphas_cumprod: Tensor, steps: int) -> Tensor:
    x = torch.randn(SAMPLES, CHANNELS, SIZE, SIZE)
    times = torch.linspace(len(alphas_cumprod) - 1, 0, steps).round().long().tolist()
    for i, t in enumerate(times):
        noise = model(x, torch.full((SAMPLES,), t))
        left = alphas_cumprod[t]
        later = alphas_cumprod[times[i + 1]] if i + 1 < steps else torch.ones(())
        x0 = ((x - (1 - left).sqrt() * noise) / left.sqrt()).clamp(-1, 1)
        x = later.sqrt() * x0 + (1 - later).sqrt() * noise
    return x


class Log:
    """Losses as they come, and a line now and then."""

    def __init__(self, every: int = 100) -> None:
        self.every, self.start, self.losses = every, time.time(), []

    def add(self, loss: float, other: float | None = None) -> None:
        self.losses.append(loss)
        if len(self.losses) % self.every == 0:
            second = "" if other is None else f"\tLoss_G: {other:.6f}"
            print(
                f"[{len(self.losses)}]\tLoss: {loss:.6f}{second}\t{time.time() - self.start:.0f} s"
            )


TRAIN = {"vae": train_vae, "dcgan": train_gan, "mlp-gan": train_gan, "ddpm": train_ddpm}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=TRAIN)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=60_000, help="shown in all")
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--settings", type=json.loads, required=True, help="of the recipe, as JSON")
    parser.add_argument("--out", type=Path, default=Path("results"))
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    log = Log()
    samples = TRAIN[args.model](args, log)
    save_image(samples.add(1).div(2).clamp(0, 1), args.out / "samples.png")
    last = log.losses[-math.ceil(len(log.losses) / 10) :]
    (args.out / "loss.txt").write_text(f"{sum(last) / len(last)}\n")


if __name__ == "__main__":
    main()
