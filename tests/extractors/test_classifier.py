import os
import shutil
from pathlib import Path

import lpips
import pytest
import torch
import torchvision
from sklearn.datasets import load_digits

from harness.core.errors import BadInput
from harness.data import load_dataset
from harness.extractors import (
    list_extractors,
    load_extractor,
    load_perceptual,
    preflight,
)
from harness.networks import classifier_weights
from harness.networks.classifier_net import accuracy, load_classifier, read_metadata
from harness.networks.classifier_weights import DIGESTS, weights_path
from harness.networks.tower_weights import FILES

REQUIRED = {
    "digits": 0.98, "mnist": 0.993, "mnist-16": 0.99, "fashion-mnist": 0.92,
    "fashion-mnist-16": 0.9, "cifar10": 0.82,
}  # fmt: skip


@pytest.mark.parametrize("name", DIGESTS)
def test_committed_weights(name):
    """Small, pinned, and as accurate as they must be by their own record."""
    assert weights_path(name).stat().st_size <= 2**20
    assert read_metadata(weights_path(name))["test_accuracy"] >= REQUIRED[name]
    [found] = preflight(f"classifier:{name}")
    assert (found.path, found.sha256) == (weights_path(name), DIGESTS[name])
    assert load_extractor(f"classifier:{name}").label == f"classifier:{name}@{DIGESTS[name][:8]}"


def test_every_weights_file_is_pinned():
    pinned = {*DIGESTS, *(file for file, _ in FILES.values())}
    assert {path.stem for path in weights_path("digits").parent.iterdir()} == pinned


def test_list_says_what_each_network_is():
    listed = dict(list_extractors())
    assert "from an installed package" not in listed.values()
    assert {"inception", "dinov2", "clip", "random", "lpips:alex", "classifier:digits"} <= set(
        listed
    )
    assert "99." in listed["classifier:digits"]


def digits_test_split() -> tuple[torch.Tensor, torch.Tensor]:
    """Every third of scikit-learn's digits, at 16×16."""
    digits = load_digits()
    small = torch.from_numpy(digits.images[::3])[:, None]
    images = torch.nn.functional.interpolate(small, size=(16, 16), mode="bilinear")
    return (images * 255 / 16).round().byte(), torch.from_numpy(digits.target[::3])


def test_digits_accuracy_is_the_recorded_one():
    images, labels = digits_test_split()
    path = weights_path("digits")
    found = accuracy(load_classifier(path), images, labels)
    assert found == pytest.approx(read_metadata(path)["test_accuracy"], abs=1.5 / len(labels))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")]
)
def test_accuracy_on_the_official_test_set(name, folder):
    root = os.environ.get("HARNESS_DATA", "")
    if not (Path(root) / folder).is_dir():
        pytest.skip(f"needs {folder} below HARNESS_DATA")
    test = getattr(torchvision.datasets, folder)(root, train=False)
    logits = load_extractor(f"classifier:{name}").extract(test.data[:, None]).logits
    found = float((logits.argmax(1) == test.targets).double().mean())
    recorded = read_metadata(weights_path(name))["test_accuracy"]
    assert found == pytest.approx(recorded, abs=1.5 / len(test))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_accuracy_on_the_resized_official_test_set(name):
    if "HARNESS_DATA" not in os.environ:
        pytest.skip("needs HARNESS_DATA")
    dataset = load_dataset(f"{name}[size=16]")
    path = weights_path(f"{name}-16")
    found = accuracy(load_classifier(path), dataset.test.images, dataset.test.labels)
    assert found == pytest.approx(read_metadata(path)["test_accuracy"], abs=1.5e-4)
    assert read_metadata(path)["dataset_digest"] == dataset.digest


def test_features_and_logits():
    images, _ = digits_test_split()
    found = load_extractor("classifier:digits").extract(images[:7])
    assert found.pooled.shape == (7, 64)
    assert found.logits.shape == (7, 10)
    assert found.pooled.dtype == found.logits.dtype == torch.float32
    network = load_classifier(weights_path("digits"))
    assert torch.allclose(found.logits, network(images[:7] / 255), atol=1e-5)


@pytest.mark.filterwarnings("ignore::UserWarning:torchvision")
def test_perceptual_distance_is_that_of_lpips_without_weights(random_images):
    network = load_classifier(weights_path("digits"))

    class Trunk(torch.nn.Module):
        def forward(self, x):
            return network.activations(x)

    baseline = lpips.LPIPS(net="alex", lpips=False, pnet_rand=True, verbose=False)
    baseline.net, baseline.scaling_layer, baseline.L = Trunk(), torch.nn.Identity(), 3
    a, b = random_images(6, 1, 16, 16), random_images(6, 1, 16, 16, seed=1)
    perceptual = load_perceptual("classifier:digits")
    with torch.no_grad():
        expected = baseline(a / 255, b / 255).flatten()
    assert perceptual.distance(a, b).numpy() == pytest.approx(expected.numpy(), rel=1e-5)
    assert torch.equal(perceptual.distance(a, a), torch.zeros(6))
    assert perceptual.preprocessing == "unweighted"


def test_only_images_like_those_it_knows(random_images):
    with pytest.raises(BadInput, match="classifier:digits takes 1×16×16 images, not 3×32×32"):
        load_extractor("classifier:digits").check(3, 32)
    with pytest.raises(BadInput, match="takes 1×16×16 images"):
        load_perceptual("classifier:digits").distance(*2 * [random_images(2, 1, 28, 28)])


def test_changed_or_missing_weights_are_refused(tmp_path, monkeypatch):
    changed = tmp_path / "digits.safetensors"
    shutil.copy(weights_path("digits"), changed)
    changed.write_bytes(changed.read_bytes()[:-1] + b"\x7f")
    monkeypatch.setattr(classifier_weights, "weights_path", lambda name: changed)
    with pytest.raises(BadInput, match="was changed: its SHA-256 starts with"):
        load_extractor("classifier:digits")
    changed.unlink()
    with pytest.raises(BadInput, match="weights of classifier:digits are missing"):
        preflight("classifier:digits")


def test_what_is_no_classifier_is_refused(tmp_path):
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(BadInput, match="not a classifier written by this project"):
        load_classifier(tmp_path / "text.safetensors")
    with pytest.raises(BadInput, match="not a classifier written by this project"):
        read_metadata(tmp_path / "absent.safetensors")


@pytest.mark.parametrize(
    ("load_network", "name", "hint"),
    [
        (load_extractor, "classifier:digit", "unknown extractor.*did you mean 'classifier:digits'"),
        (load_extractor, "incepton", "did you mean 'inception'"),
        (load_perceptual, "lpips:alexx", "unknown perceptual network.*did you mean 'lpips:alex'"),
        (preflight, "clp", "unknown feature network 'clp'; did you mean 'clip'"),
    ],
)
def test_unknown_names_get_a_hint(load_network, name, hint):
    with pytest.raises(BadInput, match=hint):
        load_network(name)
