import dataclasses

import pytest
import torch

from harness.core.errors import BadInput
from harness.data.base import Dataset, DatasetCard, Split
from harness.extractors import train_classifier
from harness.extractors.train_classifier import (
    RECIPES,
    ClassifierRecipe,
    augment,
    fit_classifier,
    train_and_save,
)
from harness.networks import classifier_net

TINY = ClassifierRecipe(epochs=2, widths=(4, 8), convs=(1, 1), batch_size=16, shift=1, flip=True)


def bars(n: int, seed: int) -> Split:
    """Noisy 8×8 images of a horizontal (0) or a vertical (1) bar."""
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 60, (n, 1, 8, 8), dtype=torch.uint8, generator=random)
    labels = torch.arange(n) % 2
    images[labels == 0, :, 4] += 180
    images[labels == 1, :, :, 4] += 180
    return Split(images, labels)


@pytest.fixture
def dataset() -> Dataset:
    card = DatasetCard("Bars", "", "", ("horizontal", "vertical"), "", "")
    return Dataset("bars", bars(96, 0), bars(40, 1), card)


def test_learns_and_stores_what_it_learnt(dataset, tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, "bars", dataclasses.replace(TINY, epochs=8))
    lines: list[str] = []
    path = tmp_path / "new" / "bars.safetensors"
    found = train_and_save(dataset, path, progress=lines.append)
    assert found > 0.95
    assert len(lines) == 8
    stored = classifier_net.read_metadata(path)
    assert stored["test_accuracy"] == found
    assert stored["dataset_digest"] == dataset.digest
    assert stored["recipe"]["epochs"] == 8
    assert stored["architecture"]["size"] == 8
    net = classifier_net.load_classifier(path)
    assert classifier_net.accuracy(net, dataset.test.images, dataset.test.labels) == found


def test_same_seed_same_file(dataset, tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, "bars", TINY)
    paths = [tmp_path / name for name in "abc"]
    for path, seed in zip(paths, (0, 0, 1), strict=True):
        torch.rand(1)  # what else is drawn must not matter
        train_and_save(dataset, path, seed=seed)
    first, second, other = (path.read_bytes() for path in paths)
    assert first == second
    assert first != other


def test_leaves_the_global_generator_alone(dataset):
    before = torch.random.get_rng_state()
    fit_classifier(dataset, 0, TINY)
    assert torch.equal(before, torch.random.get_rng_state())


def test_datasets_without_a_recipe_are_refused(dataset, tmp_path):
    for name, hint in (("bars", "known: "), ("mnst", "did you mean 'mnist'")):
        with pytest.raises(
            BadInput, match=f"no recipe for a classifier of dataset '{name}'.*{hint}"
        ):
            train_and_save(dataclasses.replace(dataset, name=name), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_pooled_features_have_the_promised_width():
    widths = {name: recipe.widths[-1] for name, recipe in train_classifier.RECIPES.items()}
    small, names = widths.pop("digits"), ("mnist", "fashion-mnist")
    assert small == 64
    assert widths == dict.fromkeys((*names, *(f"{n}[size=16]" for n in names), "cifar10"), 128)


def random_generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_no_augmentation_is_the_identity():
    x = torch.rand(5, 3, 8, 8)
    assert augment(x, ClassifierRecipe(epochs=1), random_generator()).numpy() == pytest.approx(
        x.numpy(), abs=1e-6
    )


def test_shifts_are_whole_pixels_and_flips_are_exact():
    """Every augmented image is one of the 2 × 3 × 3 that the recipe allows."""
    x = torch.rand(1, 1, 6, 6)
    found = augment(
        x.repeat(200, 1, 1, 1), ClassifierRecipe(epochs=1, shift=1, flip=True), random_generator()
    )
    padded = torch.nn.functional.pad(torch.cat([x, x.flip(3)]), (1, 1, 1, 1))
    allowed = [padded[:, :, i : i + 6, j : j + 6] for i in range(3) for j in range(3)]
    errors = (found[:, None] - torch.cat(allowed)).abs().amax(dim=(2, 3, 4))
    nearest = errors.min(dim=1)
    assert float(nearest.values.max()) < 1e-4
    assert len(nearest.indices.unique()) == 18
