"""The benchmarks against peers, as small as they can be: do both sides run, and train alike?"""

import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import sampling
import training
import whole_suites
from peers import bare_loops, example_script
from side_by_side import How

from harness.config.recipe import load_recipe
from harness.families import FAMILIES


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("vae", "vae/vae"),
        ("gan", "gan/dcgan"),
        ("hinge_gan", "gan/dcgan-hinge"),
        ("wgan_gp", "gan/wgan-gp"),
        ("diffusion", "diffusion/ddpm"),
        ("flow", "flow/matching"),
        ("vae", "vae/mlp"),
        ("gan", "gan/mlp"),
        ("diffusion", "diffusion/mlp"),
    ],
)
def test_a_loop_by_hand_trains_as_ours(name: str, model: str) -> None:
    quick = How(quick=True, repeats=3)
    result = training.against_bare(getattr(bare_loops, name), model, "digits", 0, quick)
    assert result.ours > 0 < result.theirs
    assert result.goal.ratio == (1.15 if model.endswith("/mlp") else 1.05)


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


@pytest.mark.slow
def test_diffusers_draws_the_same_images() -> None:
    pytest.importorskip("diffusers")

    assert sampling.against_pipeline(1, How(quick=True, repeats=1)).goal.ratio == 1
