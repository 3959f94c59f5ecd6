"""Autoencoders that cannot be trained as they are asked for: one line before training starts."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_bad_input import check, harness  # noqa: F401 - a fixture

SUITE = """\
title: A suite
seeds: [0]
budget: {{images: 64}}
datasets: ["{dataset}"]
models:
  - {model}
metrics: [mse]
"""


def recipe(parent: str, **settings: object) -> str:
    lines = [f"extends: {parent}", *(f"{name}: {value}" for name, value in settings.items())]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("dataset", "parent", "settings", "message"),
    [
        (
            "digits", "autoencoder/masked", {"patch": 5},
            "patches of 5 pixels with 75% hidden do not tile images of 16×16 pixels",
        ),
        (
            "digits", "vq/vq-vae", {"entries": 4096},
            "a codebook of 4096 entries for batches of 512 codes",
        ),
        (
            "digits", "autoencoder/conv-perceptual", {},
            "classifier:cifar10",
        ),
        (
            "digits", "vq/vq-gan", {},
            "classifier:mnist",
        ),
        (
            "digits", "autoencoder/inpainting", {"patch": 3},
            "squares of 3 pixels do not tile images of 16×16 pixels",
        ),
        (
            "digits[denoise=gaussian-0.1]", "autoencoder/inpainting", {},
            "its images are damaged, and no masks say where",
        ),
        (
            "digits[super=2]", "autoencoder/partial", {},
            "its images are damaged, and no masks say where",
        ),
        (
            "digits", "autoencoder/super-resolution", {},
            "its images are not to be made from others",
        ),
        (
            "ring", "autoencoder/mlp", {"loss": "bce"},
            "loss: bce need images of 8-bit pixels, with values in [0, 1]",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_images_is_one_line_with_its_place(
    harness,  # noqa: F811
    dataset: str,
    parent: str,
    settings: dict[str, object],
    message: str,
):
    text = SUITE.format(dataset=dataset, model="mine.yaml")
    answer = harness("plan", "suite.yaml", suite=text, mine=recipe(parent, **settings))
    check(answer, f"suite.yaml:6: mine.yaml on {dataset}: ", message)


@pytest.mark.parametrize(
    ("parent", "settings", "place", "message"),
    [
        ("autoencoder/inpainting", {"hidden": 0}, "mine.yaml:2", "greater than 0"),
        ("autoencoder/inpainting", {"convolution": "gated"}, "mine.yaml:2", "gated"),
        ("autoencoder/deep-svdd", {"pretraining": 1}, "mine.yaml:2", "less than 1"),
        (
            "vae/factor", {"importance_samples": 5}, "mine.yaml",
            "a FactorVAE takes one code an image, and its gradient",
        ),
        (
            "vae/factor", {"divergence": "{kind: free-bits, amount: 0.5}"}, "mine.yaml",
            "a FactorVAE's divergence is weighted, by beta",
        ),
        ("vq/vq-gan", {"loss": "bce"}, "mine.yaml:2", "bce"),
        ("vq/vq-gan", {"features": "classifier:nope"}, "mine.yaml:2", "classifier:nope"),
        ("vq/vq-gan", {"discriminator": "{start: 1.0}"}, "mine.yaml:2", "less than 1"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_one_line_of_the_validator(
    harness,  # noqa: F811
    parent: str,
    settings: dict[str, object],
    place: str,
    message: str,
):
    text = SUITE.format(dataset="digits", model="mine.yaml")
    answer = harness("validate", "suite.yaml", suite=text, mine=recipe(parent, **settings))
    check(answer, place, message)


def test_masks_that_are_missing_are_one_line(harness, tmp_path: Path):  # noqa: F811
    """A folder of defects without the masks that its layout promises."""
    for part in ("train/good", "test/good", "test/scratch"):
        folder = tmp_path / "parts" / part
        folder.mkdir(parents=True)
        for number in range(3):
            pixels = np.full((16, 16), 40 * number, np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    text = SUITE.format(dataset="mvtec:./parts[size=16]", model="autoencoder/conv")
    answer = harness("plan", "suite.yaml", suite=text)
    check(answer, "suite.yaml:4: ", "mask")


def test_a_code_larger_than_the_image_is_warned_of_in_one_line(harness):  # noqa: F811
    text = SUITE.format(dataset="digits", model="autoencoder/overcomplete")
    with pytest.warns(
        UserWarning, match="a code of 1024 numbers for images of 256 values"
    ) as caught:
        answer = harness("plan", "suite.yaml", suite=text)
    assert answer.code == 0
    line = warnings.formatwarning(caught[0].message, UserWarning, caught[0].filename, 1)
    assert line == (
        "harness: a code of 1024 numbers for images of 256 values, without a penalty: it may learn"
        " to copy\n"
    )
