from __future__ import annotations

from pathlib import Path

import pytest
import torch

from harness.families import build_family
from harness.families.base import ImageShape
from harness.training.checkpoint import Checkpoints, load_weights, save_weights

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "step": torch.tensor(3.0), "b": torch.tensor([7])}


def saved(folder: Path, *steps: int) -> Checkpoints:
    checkpoints = Checkpoints(folder)
    for step in steps:
        checkpoints.save(TENSORS, {"step": step, "seconds": 0.1 + 0.2})
    return checkpoints


def test_what_comes_back_is_what_was_saved(tmp_path: Path) -> None:
    found = saved(tmp_path, 3).latest()
    assert found is not None
    tensors, values = found
    assert values == {"step": 3, "seconds": 0.1 + 0.2}
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], TENSORS[name]) for name in TENSORS)
    assert all(tensors[name].dtype == TENSORS[name].dtype for name in TENSORS)


def test_the_last_two_are_kept_and_nothing_unfinished(tmp_path: Path) -> None:
    saved(tmp_path, 9, 10, 11)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "step-0000000010.safetensors",
        "step-0000000011.safetensors",
    ]


def test_none_where_there_is_none(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "new").latest() is None


@pytest.mark.parametrize("kind", ["cut short", "empty", "one bit", "values"])
def test_a_damaged_one_is_ignored_with_a_warning(tmp_path: Path, kind: str) -> None:
    checkpoints = saved(tmp_path, 1, 2)
    file = tmp_path / "step-0000000002.safetensors"
    content = bytearray(file.read_bytes())
    if kind == "one bit":
        content[-1] ^= 1
    if kind == "values":
        content = content.replace(b"seconds", b"sEconds")
    file.write_bytes({"cut short": content[:-1], "empty": b""}.get(kind, content))
    with pytest.warns(UserWarning, match="step-0000000002.safetensors is damaged"):
        found = checkpoints.latest()
    assert found is not None
    assert found[1]["step"] == 1


def test_none_where_all_are_damaged(tmp_path: Path) -> None:
    checkpoints = saved(tmp_path, 1)
    (tmp_path / "step-0000000001.safetensors").write_bytes(b"not a checkpoint")
    with pytest.warns(UserWarning, match="damaged"):
        assert checkpoints.latest() is None


def test_due_by_the_clock(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path, every_seconds=0).due()
    assert not Checkpoints(tmp_path, every_seconds=3600).due()


def test_weights_survive_and_are_ready_to_measure(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first = build_family("gan", {"width": 4}, ImageShape(1, 8))
    other = build_family("gan", {"width": 4}, ImageShape(1, 8))
    save_weights(first, tmp_path / "weights.safetensors")
    load_weights(other, tmp_path / "weights.safetensors")
    mine, theirs = first.networks.state_dict(), other.networks.state_dict()
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    assert not other.networks.training
    assert [file.name for file in tmp_path.iterdir()] == ["weights.safetensors"]
