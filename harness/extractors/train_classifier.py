"""Training of the in-domain classifiers; on one machine's CPU one seed gives one file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, cross_entropy, grid_sample

from harness.core.errors import BadInput, suggest
from harness.core.seeding import derive, generator
from harness.data.base import Dataset, Split
from harness.networks import classifier_net
from harness.networks.classifier_net import Architecture, ClassifierNet


@dataclass(frozen=True)
class ClassifierRecipe:
    """How a classifier is built, trained and augmented.

    Each training image is turned by up to ±`rotate` degrees, scaled by 1 ± `scale`, shifted by up
    to ±`shift` whole pixels both ways, and mirrored half of the time where `flip`.
    """

    epochs: int
    widths: tuple[int, ...] = (32, 64, 128)
    convs: tuple[int, ...] = (1, 1, 2)
    batch_size: int = 128
    lr: float = 0.1
    weight_decay: float = 5e-4
    rotate: float = 0.0
    scale: float = 0.0
    shift: int = 0
    flip: bool = False


RECIPES = {
    "digits": ClassifierRecipe(epochs=80, widths=(16, 32, 64), rotate=10, scale=0.1, shift=1),
    "mnist": ClassifierRecipe(epochs=6, rotate=10, scale=0.1, shift=2),
    "mnist[size=16]": ClassifierRecipe(epochs=8, rotate=10, scale=0.1, shift=1),
    "fashion-mnist": ClassifierRecipe(epochs=12, shift=1, flip=True),
    "fashion-mnist[size=16]": ClassifierRecipe(epochs=12, shift=1, flip=True),
    "cifar10": ClassifierRecipe(epochs=8, shift=2, flip=True),
}

Progress = Callable[[str], None]


def train_and_save(
    dataset: Dataset,
    path: Path,
    *,
    seed: int = 0,
    device: torch.device | str = "cpu",
    progress: Progress = lambda line: None,
) -> float:
    """Train a classifier of `dataset` by its recipe, write it to `path`, return its test accuracy.

    The network of the last epoch is the one kept: nothing is chosen by its test score. The
    accuracy is that of the float16 weights in the file, which says how they came to be as well.
    BadInput where `RECIPES` has no recipe for the dataset.
    """
    recipe = _recipe_of(dataset)
    net = fit_classifier(dataset, seed, recipe, device=device, progress=progress)
    net.load_state_dict(classifier_net.to_half(net))
    accuracy = classifier_net.accuracy(net, dataset.test.images, dataset.test.labels)
    metadata = {
        "dataset": dataset.name,
        "dataset_digest": dataset.digest,
        "test_accuracy": accuracy,
        "recipe": asdict(recipe),
        "seed": seed,
        "torch": torch.__version__,
    }
    classifier_net.save_classifier(net, path, metadata)
    return accuracy


def fit_classifier(
    dataset: Dataset,
    seed: int,
    recipe: ClassifierRecipe,
    *,
    device: torch.device | str = "cpu",
    progress: Progress = lambda line: None,
) -> ClassifierNet:
    """A classifier trained on `dataset.train`, in evaluation mode.

    SGD with Nesterov momentum under a one-cycle learning rate (Smith & Topin 2018,
    arXiv:1708.07120). `progress` gets a line with the mean loss after each epoch.
    """
    net = _initialise(dataset, seed, recipe).to(device).to(memory_format=torch.channels_last)
    images, labels = dataset.train.images.to(device), dataset.train.labels.to(device)
    steps = math.ceil(len(images) / recipe.batch_size) * recipe.epochs
    optimizer = torch.optim.SGD(
        net.parameters(), recipe.lr, 0.9, weight_decay=recipe.weight_decay, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.lr, steps, pct_start=0.2)
    for epoch in range(recipe.epochs):
        total = 0.0
        for x, y in _batches(Split(images, labels), seed, epoch, recipe):
            loss = cross_entropy(net(x), y)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(x)
        progress(f"epoch {epoch + 1}/{recipe.epochs}: training loss {total / len(images):.4f}")
    net.eval()
    return net


def _recipe_of(dataset: Dataset) -> ClassifierRecipe:
    if dataset.name not in RECIPES:
        hint = suggest(dataset.name, RECIPES)
        raise BadInput(f"no recipe for a classifier of dataset {dataset.name!r}{hint}")
    return RECIPES[dataset.name]


def _initialise(dataset: Dataset, seed: int, recipe: ClassifierRecipe) -> ClassifierNet:
    classes = len(dataset.card.classes)
    shape = (dataset.channels, dataset.size, classes)
    # torch initialises layers from its global generator: seed it here, and put it back after.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, "classifier", "init"))
        return ClassifierNet(Architecture(*shape, recipe.widths, recipe.convs))


def _batches(
    split: Split, seed: int, epoch: int, recipe: ClassifierRecipe
) -> Iterator[tuple[Tensor, Tensor]]:
    order = torch.randperm(len(split), generator=generator(seed, "classifier", "order", epoch)).to(
        split.images.device
    )
    random = generator(seed, "classifier", "augment", epoch)
    for index in torch.split(order, recipe.batch_size):
        x = split.images[index].float() / 255
        x = augment(x, recipe, random).contiguous(memory_format=torch.channels_last)
        yield x, split.labels[index]


def augment(x: Tensor, recipe: ClassifierRecipe, random: torch.Generator) -> Tensor:
    """Each image of `x` (N×C×S×S in [0, 1]) turned, scaled, shifted and mirrored as `recipe` says,
    drawn from the CPU generator `random`; what comes in from outside the image is 0.
    """

    def uniform() -> Tensor:
        return 2 * torch.rand(len(x), generator=random) - 1

    angle = uniform() * math.radians(recipe.rotate)
    zoom = 1 + uniform() * recipe.scale
    # Whole pixels, so that a shift alone does not blur; the grid spans 2 over the S pixels.
    dx, dy = ((uniform() * (recipe.shift + 0.5)).round() * 2 / x.shape[-1] for _ in range(2))
    mirror = 1 - 2 * (torch.rand(len(x), generator=random) < 0.5 * recipe.flip).float()
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    theta = torch.stack([cos * mirror, -sin, dx, sin * mirror, cos, dy], dim=1).view(-1, 2, 3)
    grid = affine_grid(theta.to(x.device), list(x.shape), align_corners=False)
    return grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
