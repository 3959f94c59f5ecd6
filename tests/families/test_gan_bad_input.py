"""Settings of GANs that make no sense: one line with file and line, before anything trains."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from running import Inside

SUITE = """\
title: Bad
seeds: [0]
budget: {{images: 640}}
datasets: ["{dataset}"]
models: [{model}]
metrics: [{metric}]
"""
RECIPES = {
    "a penalty on a discriminator that is normalised over the batch": (
        "extends: gan/dcgan\npenalties: [{kind: r1, weight: 10}]\n",
        "bad.yaml:1: penalties go with discriminator: {norm: none}",
    ),
    "a Wasserstein loss without a constraint": (
        "extends: gan/dcgan\nloss: wasserstein\n",
        "bad.yaml:1: loss: wasserstein bounds its critic's slope; add penalties",
    ),
    "packs that do not divide the batch": (
        "extends: gan/dcgan\ndiscriminator: {packing: 3}\n",
        "bad.yaml:1: discriminator: {packing: 3} does not divide the batch_size of 16",
    ),
    "unrolling through an optimiser that it cannot follow": (
        "extends: gan/mlp\ndynamics: {kind: unrolled, steps: 3}\n",
        "bad.yaml:1: dynamics: {kind: unrolled} looks ahead by plain gradient steps",
    ),
    "fading in over no part of a phase": (
        "extends: gan/dcgan-progressive\nfade_in: 0\n",
        "bad.yaml:2: fade_in",
    ),
    "a pix2pix whose loss compares images with real ones": (
        "extends: translation/pix2pix\ndiscriminator: {loss: relativistic-average}\n",
        "compares made images with real ones",
    ),
}


def refusal(folder: Path, verb: str, dataset: str, model: str, metric: str = "fid") -> str:
    """What a command says of a suite of this dataset and model; it must be one line, and exit 2."""
    (folder / "suite.yaml").write_text(SUITE.format(dataset=dataset, model=model, metric=metric))
    ended = Inside(folder)(verb, "suite.yaml")
    assert ended.returncode == 2, ended.stdout
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


@pytest.mark.parametrize(("recipe", "message"), RECIPES.values(), ids=RECIPES)
def test_a_recipe_that_makes_no_sense_is_refused(recipe: str, message: str, tmp_path: Path):
    (tmp_path / "bad.yaml").write_text(recipe + "description: Bad.\n")
    assert message in refusal(tmp_path, "validate", "digits", "bad.yaml")


def test_an_image_size_that_growing_does_not_reach(tmp_path: Path):
    recipe = "extends: gan/dcgan-progressive\ndescription: Bad.\nstart: 12\n"
    (tmp_path / "bad.yaml").write_text(recipe)
    line = refusal(tmp_path, "plan", "shapes[test=10,train=64]", "bad.yaml", "parameters")
    assert "progressive growing from 12×12 does not reach images of 32×32; say start: 8" in line
    assert "suite.yaml:5" in line or "bad.yaml" in line


def test_translation_between_sets_of_other_channels(tmp_path: Path):
    draws = torch.Generator().manual_seed(0)
    for part, mode in (("A", "L"), ("B", "RGB")):
        for split in ("train", "test"):
            folder = tmp_path / "sets" / f"{split}{part}"
            folder.mkdir(parents=True)
            for index in range(4):
                values = torch.randint(0, 256, (16, 16, 3), generator=draws, dtype=torch.uint8)
                image = Image.fromarray(values.numpy()).convert(mode)
                image.save(folder / f"{index}.png")
    line = refusal(tmp_path, "plan", "unpaired:./sets", "translation/cyclegan")
    assert "is grey and" in line
    assert "[channels=1] makes all grey" in line
