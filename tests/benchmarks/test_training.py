"""The benchmarks against peers, as small as they can be: do both sides run, and train alike?"""

import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import sampling
import torch
import training
import training_options
import whole_suites
from peers import bare_loops, example_script, plain_loops
from side_by_side import How
from torch import Tensor

from harness.config.recipe import load_recipe
from harness.data import load_dataset
from harness.data.base import Split
from harness.data.index_sampler import index_sampler
from harness.families import FAMILIES
from harness.families.optimizers import Adam

EXACT = {
    "autoencoder": {"width": 4}, "vq": {"width": 8, "batch_size": 8, "entries": 16},
    "masked": {"width": 16}, "unrolled": {}, "stylegan2": {"width": 8, "batch_size": 8},
    "cyclegan": {"blocks": 1}, "latent": {"batch_size": 8}, "text": {"batch_size": 4},
    "video": {"channels": 4, "batch_size": 2},
}  # fmt: skip
"""The loops that draw noise as the harness does, and changes by which they are small."""

STATISTICAL = [name for name in training.BARE if name not in EXACT]


@pytest.mark.parametrize("name", STATISTICAL)
def test_a_loop_by_hand_trains_as_ours(name: str) -> None:
    loop, model, _, _, changes = training.BARE[name]
    quick = How(quick=True, repeats=3)
    result = training.against_bare(loop, model, "digits", 0, quick, changes)
    assert result.ours > 0 < result.theirs
    assert result.goal.ratio == (1.15 if model.endswith("/mlp") else 1.05)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name == "text")) for name in EXACT]
)
def test_a_loop_by_hand_has_our_losses_on_our_batches(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, model, dataset, _, changes = training.BARE[name]
    recipe = load_recipe(model)
    settings = {**recipe.settings, **changes, **EXACT[name]}
    small = "digits" if dataset.startswith("mnist") else dataset
    work = training.Work(replace(recipe, settings=settings), load_dataset(small, None), steps=5)

    def indices(split: Split, size: int, steps: int, draws: object) -> Iterator[Tensor]:
        sampler = index_sampler(split, 3, torch.device("cpu"))
        for step in range(steps):
            yield sampler.indices(step * size, (step + 1) * size).images

    monkeypatch.setattr(bare_loops, "indices", indices)
    expected = work.ours(seed=3).loss
    assert loop(work.build(3), work.dataset.train, 5, 3) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", training.PARTS)
def test_a_loop_on_the_parts_of_a_library_trains_as_ours(name: str) -> None:
    pytest.importorskip(name.replace("-", "_"))
    peer, model, _, steps, title = training.PARTS[name]
    result = training.against_parts(peer, model, "digits", steps, title, How(True, repeats=3))
    assert result.ours > 0 < result.theirs


def test_a_plain_loop_takes_steps_of_adam() -> None:
    """The loss (w·x)² at x = 1 from w = 1: Adam's first step is by its rate. An epoch has one batch
    of two of three images.
    """
    images, steps = torch.full((3, 1, 1, 1), 255, dtype=torch.uint8), []
    weight = torch.nn.ParameterList([torch.ones(1)])
    settings = SimpleNamespace(batch_size=2, optimizer=Adam(lr=0.1))
    loss = plain_loops.train_plainly(
        weight, lambda x: (weight[0] * x).square().mean(), Split(images, torch.zeros(3)), 2, 0,
        settings, lambda: steps.append(1),
    )  # fmt: skip
    assert loss == pytest.approx(0.81)
    assert len(steps) == 2


def test_a_loop_that_trains_otherwise_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def adrift(*arguments: object) -> float:
        return 2 * bare_loops.diffusion(*arguments)  # type: ignore[arg-type]

    with pytest.raises(AssertionError, match="train to other losses"):
        training.against_bare(adrift, "diffusion/mlp", "digits", 0, How(quick=True, repeats=3))


@pytest.mark.parametrize("peer", ["vae", "mlp-gan", "dcgan", "ddpm"])
def test_the_script_trains_and_draws(
    peer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_mnist(tmp_path, 300)
    suite = next(suite for suite, _ in whole_suites.SUITES.values() if suite.peer == peer)
    recipe = load_recipe(suite.model)
    changes = suite.changes | {"batch_size": 16} | ({"timesteps": 20} if peer == "ddpm" else {})
    changes |= {"sampling": {"steps": 2}} if peer == "ddpm" else {}
    settings = FAMILIES.load(recipe.family).Settings.model_validate(recipe.settings | changes)
    monkeypatch.setitem(example_script.WORKERS, peer, 0)
    options = {
        "--images": "48", "--data-root": str(tmp_path), "--out": str(tmp_path / "out"),
        "--settings": settings.model_dump_json(),
    }  # fmt: skip
    flat = [word for pair in options.items() for word in pair]
    monkeypatch.setattr(sys, "argv", ["example_script.py", peer, *flat])
    example_script.main()
    assert float((tmp_path / "out" / "loss.txt").read_text()) > 0
    assert (tmp_path / "out" / "samples.png").stat().st_size > 1000


def fake_mnist(root: Path, count: int) -> None:
    """Random images where torchvision looks for MNIST's."""
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
    labels = random.integers(0, 10, count, dtype=np.uint8)
    for part in ("train", "t10k"):
        head = struct.pack(">4i", 2051, count, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        head = struct.pack(">2i", 2049, count)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(head + labels.tobytes())


def test_options_are_measured_against_the_recipe_as_it_is() -> None:
    results = training_options.options_of("mlp vae", How(quick=True, repeats=1))
    assert [result.title for result in results] == ["mlp vae: channels last", "mlp vae: bf16"]
    assert all(result.ours > 0 < result.theirs for result in results)


def test_ways_of_attention_are_timed() -> None:
    result = sampling.attention(How(quick=True, repeats=1))
    assert result.ours > 0 < result.theirs


@pytest.mark.slow
def test_diffusers_draws_the_same_images() -> None:
    pytest.importorskip("diffusers")

    assert sampling.against_pipeline(1, How(quick=True, repeats=1)).goal.ratio == 1
