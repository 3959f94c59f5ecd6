"""Training of in-domain networks that read factors, and of dual encoders of images and texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from harness.core.errors import BadInput
from harness.core.seeding import derive, generator
from harness.data.base import Dataset, Split
from harness.data.tokenizer import Tokenizer
from harness.extractors.train_classifier import Progress
from harness.networks.classifier_net import Net, save_half, to_half
from harness.networks.towers import DualEncoder, FactorNet, tower_record

BATCH = 500
"""Images that pass through a trained network at a time."""
CANDIDATES = 100
"""Texts among which an image's own is looked for, as in R-precision."""


@dataclass(frozen=True)
class TowerRecipe:
    """AdamW under a one-cycle learning rate (Smith & Topin 2018, arXiv:1708.07120)."""

    epochs: int
    batch_size: int = 256
    lr: float = 4e-3
    weight_decay: float = 0.05


FACTOR_RECIPE, TEXT_RECIPE = TowerRecipe(epochs=16), TowerRecipe(epochs=15)
"""For networks that read factors, and for dual encoders."""


@dataclass(frozen=True)
class TowerTraining:
    """A recipe, and how a network is trained by it; `progress` gets a line after each epoch."""

    recipe: TowerRecipe
    seed: int = 0
    device: torch.device | str = "cpu"
    progress: Progress = lambda line: None


def train_factor_net(
    dataset: Dataset,
    path: Path,
    how: TowerTraining = TowerTraining(FACTOR_RECIPE),
) -> dict[str, float]:
    """Train a network that reads the factors of `dataset`, write it to `path`, and return its
    accuracy on the test images: for each factor, and for all factors at once ("all").

    BadInput where the dataset has no factors.
    """
    train, test = dataset.train.factors, dataset.test.factors
    if train is None or test is None:
        raise BadInput(f"{dataset.name} has no factors to read")
    values = [int(most) + 1 for most in train.amax(dim=0)]
    net = _initialise(lambda: FactorNet(dataset.channels, dataset.size, values), how)

    def loss(x: Tensor, index: Tensor) -> Tensor:
        pairs = zip(net(x), train[index].to(x.device).T, strict=True)
        return torch.stack([cross_entropy(logits, value) for logits, value in pairs]).mean()

    _fit(net, loss, dataset.train, how)
    net.load_state_dict(to_half(net))
    right = read_values(net, dataset.test.images) == test
    shares = right.double().mean(dim=0).tolist()
    accuracy = dict(zip(dataset.card.factors, shares, strict=True))
    accuracy["all"] = float(right.all(dim=1).double().mean())
    _save(net, path, dataset, how, accuracy)
    return accuracy


def train_dual_encoder(
    dataset: Dataset,
    path: Path,
    how: TowerTraining = TowerTraining(TEXT_RECIPE),
) -> dict[str, float]:
    """Train a network that has images and texts of `dataset` in one space, write it to `path`, and
    return the share of test images whose own text is the nearest: among 100 texts ("100"), and
    among the texts of all test images ("all").

    The loss is the symmetric one of Radford et al. 2021 (arXiv:2103.00020), figure 3. BadInput
    where the dataset has no texts.
    """
    texts, test_texts = dataset.train.texts, dataset.test.texts
    if texts is None or test_texts is None:
        raise BadInput(f"{dataset.name} has no texts")
    tokenizer = Tokenizer.of(texts)
    ids = tokenizer.encode(texts)
    net = _initialise(lambda: DualEncoder(dataset.channels, dataset.size, tokenizer), how)

    def loss(x: Tensor, index: Tensor) -> Tensor:
        images, words = net.embed_images(x), net.embed_tokens(ids[index].to(x.device))
        logits, right = net.scale * images @ words.T, torch.arange(len(x), device=x.device)
        return (cross_entropy(logits, right) + cross_entropy(logits.T, right)) / 2

    _fit(net, loss, dataset.train, how)
    net.load_state_dict(to_half(net))
    accuracy = _retrieval(net, dataset.test.images, test_texts)
    _save(net, path, dataset, how, accuracy)
    return accuracy


@torch.inference_mode()
def read_values(net: FactorNet, images: Tensor) -> Tensor:
    """The factors that `net` reads off uint8 `images` N×C×S×S, int64 N×F."""
    device = next(net.parameters()).device
    parts = [
        torch.stack([logits.argmax(dim=1) for logits in net(x.to(device).float() / 255)], dim=1)
        for x in torch.split(images, BATCH)
    ]
    return torch.cat(parts).cpu()


@torch.inference_mode()
def _retrieval(net: DualEncoder, images: Tensor, texts: Sequence[str]) -> dict[str, float]:
    device = next(net.parameters()).device
    parts = [net.embed_images(x.to(device).float() / 255) for x in torch.split(images, BATCH)]
    words = net.embed_tokens(net.tokenizer.encode(texts).to(device))
    cosines = torch.cat(parts) @ words.T
    nearer = (cosines >= cosines.diagonal()[:, None]).sum(dim=1).double() - 1
    others = len(texts) - 1
    # Of the texts that are as near, none may be among 99 that are drawn without replacement.
    among = torch.ones_like(nearer)
    for drawn in range(min(CANDIDATES - 1, others)):
        among *= ((others - nearer - drawn) / (others - drawn)).clamp(min=0)
    return {str(CANDIDATES): float(among.mean()), "all": float((nearer == 0).double().mean())}


def _initialise(build: Callable[[], Net], how: TowerTraining) -> Net:
    # torch initialises layers from its global generator: seed it here, and put it back after.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(how.seed, "tower", "init"))
        return build().to(how.device)


def _fit(
    net: nn.Module, loss: Callable[[Tensor, Tensor], Tensor], train: Split, how: TowerTraining
) -> None:
    """Train `net`; `loss` takes images in [0, 1] and their indices."""
    recipe, seed = how.recipe, how.seed
    steps = math.ceil(len(train) / recipe.batch_size) * recipe.epochs
    optimizer = torch.optim.AdamW(net.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, steps, pct_start=0.2)
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(train), generator=generator(seed, "tower", "order", epoch))
        total = 0.0
        for index in torch.split(order, recipe.batch_size):
            value = loss(train.images[index].to(how.device).float() / 255, index)
            optimizer.zero_grad()
            torch.autograd.backward(value)
            optimizer.step()
            schedule.step()
            total += float(value.detach()) * len(index)
        how.progress(f"epoch {epoch + 1}/{recipe.epochs}: training loss {total / len(train):.4f}")
    net.eval()


def _save(
    net: FactorNet | DualEncoder,
    path: Path,
    dataset: Dataset,
    how: TowerTraining,
    accuracy: dict[str, float],
) -> None:
    metadata = {
        "architecture": tower_record(net, dataset.channels, dataset.size),
        "dataset": dataset.name,
        "dataset_digest": dataset.digest,
        "test_accuracy": accuracy,
        "recipe": asdict(how.recipe),
        "seed": how.seed,
        "torch": torch.__version__,
    }
    save_half(net, path, metadata)
