import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.data import Dataset, DatasetCard, Split, load_dataset
from harness.data import description as module
from harness.data.description import describe_dataset, images_of, moments, tasks_of

CARD = DatasetCard("Things", "CC0", "nobody", ("a", "b", "c"), "inception", "lpips:alex")


def split(count: int) -> Split:
    images = torch.arange(count * 3 * 4).remainder(256).to(torch.uint8).view(count, 3, 2, 2)
    return Split(images, torch.arange(count) % 2)


def made(**changes) -> Dataset:
    return Dataset("things", replace(split(8), **changes), replace(split(4), **changes), CARD)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_moments_are_numpys(monkeypatch, dtype):
    monkeypatch.setattr(module, "BLOCK", 7)  # several blocks, and a rest
    images = torch.randint(0, 256, (45, 3, 4, 4), generator=torch.Generator().manual_seed(0))
    scale = 255 if dtype == torch.uint8 else 1
    values = images.numpy() / scale
    mean, deviation = moments(images.to(dtype))
    np.testing.assert_allclose(mean, values.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(deviation, values.std(axis=(0, 2, 3)), rtol=1e-12)


def test_images_of_one_value_have_no_deviation():
    _, deviation = moments(torch.full((1000, 1, 3, 3), 0.1))
    assert deviation.item() == pytest.approx(0, abs=1e-7)


def test_counts_are_of_every_class_also_of_those_without_images():
    known = describe_dataset(made())
    assert known["classes"] == ["a", "b", "c"]
    assert known["splits"]["train"]["counts"] == [4, 4, 0]
    assert known["splits"]["test"]["counts"] == [2, 2, 0]


def test_all_that_belongs_to_the_images_is_described():
    dataset = made(
        texts=tuple("stuvwxyz"),
        sources=torch.zeros(8, 1, 2, 2, dtype=torch.uint8),
        factors=torch.tensor([[0, 5], [1, 5]]).repeat(4, 1),
        masks=torch.tensor([True] + [False] * 7)[:, None, None].expand(8, 2, 2),
    )
    dataset = replace(dataset, test=dataset.train, card=replace(CARD, factors=("x", "y"), frames=3))
    known = describe_dataset(dataset)
    assert known["factors"] == {"x": 2, "y": 1}
    assert known["splits"]["test"]["texts"] == ["s", "t", "u"]
    assert known["splits"]["test"]["source_shape"] == [1, 2, 2]
    assert known["splits"]["test"]["defective"] == 1
    assert known["tasks"] == [
        "anomaly segmentation",
        "translation from paired images",
        "text to image",
        "disentanglement",
        "video of 3 frames",
    ]


@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        ("digits", []),
        ("digits[unseen=8]", ["one-class anomaly detection (8 unseen)"]),
        ("digits[normal=3]", ["one-class anomaly detection (only 3 seen)"]),
        ("digits[binarized=static]", ["likelihood (binary images)"]),
        ("digits[dequantized=uniform]", ["likelihood (dequantised v1)"]),
        ("ring", ["comparison with a known density"]),
    ],
)
def test_tasks_follow_from_the_name(name, tasks):
    assert tasks_of(load_dataset(name)) == tasks


@pytest.mark.parametrize(
    ("shape", "frames", "dtype", "said"),
    [
        ((3, 32, 32), 1, torch.uint8, "32×32, RGB"),
        ((1, 8, 8), 1, torch.float32, "8×8, real numbers"),
        ((10, 64, 64), 10, torch.uint8, "10 frames of 64×64, grey"),
        ((30, 64, 64), 10, torch.uint8, "10 frames of 64×64, RGB"),
        ((2, 1, 1), 1, torch.float32, "points in the plane"),
    ],
)
def test_images_in_words(shape, frames, dtype, said):
    images = Split(torch.zeros(2, *shape, dtype=dtype), torch.zeros(2, dtype=torch.int64))
    card = replace(CARD, frames=frames)
    assert images_of(Dataset("d", images, images, card)) == said


def test_a_description_is_json_and_has_the_digests():
    dataset = load_dataset("digits[unseen=8]")
    known = json.loads(json.dumps(describe_dataset(dataset)))
    assert known["digest"] == dataset.digest
    assert known["splits"]["train"]["digest"] == dataset.train.digest()
    assert known["splits"]["train"]["counts"][8] == 0
    assert known["unseen"] == [8]
