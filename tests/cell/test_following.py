"""What is looked at while a GAN trains changes nothing of its training."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.cell import following
from harness.cell.following import CODES, FILE, READINGS, SHARES, TrainingFollower
from harness.data import load_dataset
from harness.data.loader import Batches
from harness.evaluation.pictures.sheets import caption_of, grid_tiles
from harness.families import build_family
from harness.plan import shape_of
from harness.training.init import initialise
from harness.training.loop import Progress, train

DIGITS = load_dataset("digits")
STEPS, BATCH = 20, 8
GAN = {"width": 4, "batch_size": BATCH}


def trained(settings: dict[str, Any], folder: Path | None, family: str = "gan") -> Any:
    """The family after 20 steps, and its follower where there is a folder."""
    built = initialise(lambda: build_family(family, settings, shape_of(DIGITS)), 0)
    follower = folder and TrainingFollower(built, DIGITS, 0, folder)
    batches = Batches(DIGITS.train, BATCH, 0, torch.device("cpu"), flip=False)
    options: dict[str, Any] = {"report": follower} if follower else {}
    train(built, batches, STEPS * BATCH, 0, device=torch.device("cpu"), **options)
    return built, follower


@pytest.mark.parametrize("norm", ["batch", "spectral"])
def test_training_is_the_same_to_the_bit(tmp_path: Path, norm: str):
    settings = GAN | ({"discriminator": {"norm": "spectral"}} if norm == "spectral" else {})
    (alone, _), (seen, follower) = trained(settings, None), trained(settings, tmp_path)
    for name, value in alone.networks.state_dict().items():
        assert torch.equal(value, seen.networks.state_dict()[name]), name
    tiles = grid_tiles(follower.strip, DIGITS.size)
    rows = tiles.view(-1, CODES, DIGITS.size**2)
    assert 5 <= len(rows) <= len(SHARES)
    assert not torch.equal(rows[0], rows[-1])
    codes = seen.latents(CODES, follower._generator("strip"))
    shown = ((seen.decode(codes) + 1) * 127.5).round().to(torch.uint8)
    assert torch.equal(rows[-1], shown.flatten(1)), "the last row is of the model as it is"
    assert "100% of training." in caption_of(follower.strip)


def test_outputs_are_curves_and_go_on_from_where_they_were(tmp_path: Path):
    built, follower = trained(GAN, tmp_path)
    names = {name for _, name, _ in follower.points}
    kinds = ("training", "held-out", "generated")
    assert names == {f"train/outputs/{kind} images" for kind in kinds} | {"train/samples/spread"}
    assert all(math.isfinite(value) for _, _, value in follower.points)
    again = TrainingFollower(built, DIGITS, 0, tmp_path)
    assert (again.points, again.strip) == (follower.points, follower.strip)


def test_models_of_points_are_kept_no_more_often_than_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files: list[Path] = []
    monkeypatch.setattr(following, "atomic_write", lambda file, content: files.append(file))
    ring = load_dataset("ring")
    settings = {"network": "mlp", "width": 4, "depth": 1}
    built = initialise(lambda: build_family("gan", settings, shape_of(ring)), 0)
    follower = TrainingFollower(built, ring, 0, tmp_path)
    for step in range(1, 201):
        follower(Progress(step, 200, step, 0.0, {}))
    assert files == [tmp_path / FILE] * READINGS
    assert follower.strip == b""


def test_other_models_are_not_followed(tmp_path: Path):
    built = initialise(lambda: build_family("vae", {"width": 4}, shape_of(DIGITS)), 0)
    follower = TrainingFollower(built, DIGITS, 0, tmp_path)
    follower(Progress(1, 1, 1, 0.0, {}))
    assert (follower.points, follower.strip) == ([], b"")
    assert not list(tmp_path.iterdir())
