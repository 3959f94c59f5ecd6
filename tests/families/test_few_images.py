"""Diffusion models of a few of the training images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from harness.cell import training
from harness.config.suite import load_suite
from harness.core.errors import BadInput
from harness.data import Split, load_dataset
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.capabilities import ChoosesImages
from harness.metrics import METRICS
from harness.plan import make_plan


def few(**settings: Any) -> Any:
    return build_family("few-images-diffusion", {"width": 1, **settings}, ImageShape(1, 16))


def test_its_images_are_those_of_the_option_of_datasets() -> None:
    digits, hundred = load_dataset("digits"), load_dataset("digits[train=100]")
    chosen = few().choose_images(digits.train)
    assert torch.equal(chosen.images, hundred.train.images)
    assert len(few(train_images=7).choose_images(digits.train)) == 7
    assert isinstance(few(), ChoosesImages)


def test_more_than_there_are_is_an_error() -> None:
    train = Split(torch.zeros(5, 1, 16, 16, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64))
    with pytest.raises(BadInput, match="train=100, but there are 5 training images"):
        few().choose_images(train)
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        few(train_images=1)


SUITE = """
title: A suite
seeds: [0]
budget: {images: 640}
samples: 200
datasets: [digits]
models: [diffusion/ddpm, diffusion/ddpm-100-images]
metrics: [near_copy_share, authpct]
"""


def test_a_cell_trains_on_them_alone_and_is_compared_with_all(tmp_path: Any) -> None:
    (tmp_path / "suite.yaml").write_text(SUITE)
    plan = make_plan(load_suite(str(tmp_path / "suite.yaml")), "cpu", None)
    digits, sizes = load_dataset("digits"), {}
    for cell in plan.cells:
        if cell.is_trained:
            batches = training._batches(cell, digits, training.build(cell, digits))
            sizes[cell.model] = sum(len(batch.x) for batch in batches.epoch())
            assert all(planned.obstacle is None for planned in cell.planned_measurements)
    assert sizes == {"diffusion/ddpm": len(digits.train), "diffusion/ddpm-100-images": 100}


def test_copies_of_a_hundred_images_are_noticed_among_all() -> None:
    """Features of one Gaussian: copies of a hundred, and fresh draws of the same."""
    draws = torch.Generator().manual_seed(0)
    train, test, fresh = (torch.randn(n, 4, generator=draws) for n in (2000, 1000, 500))
    copies = train[:100].repeat(5, 1)
    share = METRICS["near_copy_share"].compute
    assert share(copies, train, test).value == 1
    assert share(fresh, train, test).value < 0.03
    authentic = METRICS["authpct"].compute
    assert authentic(train, copies).value == 0 < authentic(train, fresh).value
