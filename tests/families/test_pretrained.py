"""Pretrained generators: what they may return, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.core.errors import BadInput
from harness.core.user_code import look_in
from harness.data.pixels import to_float
from harness.families import build_family
from harness.families.base import ImageShape
from harness.families.pretrained.generator import ImageGenerator, checked_images
from harness.families.pretrained.settings import PretrainedSettings
from harness.families.pretrained.source import open_generator
from harness.scoring.models import is_model
from harness.training.generator_content import content_digests

CODE = """
import numpy as np, torch
def plain(n, generator):
    return torch.rand(n, 1, 4, 4, generator=generator) * 2 - 1
def labelled(n, generator, labels):
    return labels.view(-1, 1, 1, 1).expand(n, 1, 4, 4).float() / 10
def captioned(n, generator, captions):
    return torch.stack([torch.full((1, 4, 4), len(text) / 10) for text in captions])
def few(n, generator): return torch.zeros(n - 1, 1, 4, 4)
def nan(n, generator): return torch.full((n, 1, 4, 4), float("nan"))
def raises(n, generator): raise RuntimeError("no\\nGPU")
def leaves(n, generator): raise SystemExit(3)
def alone(n): return torch.zeros(n, 1, 4, 4)
def steps(n, generator, *, steps): return torch.full((n, 1, 4, 4), steps / 100)
class Net: pass
number = 3
"""


@pytest.fixture(autouse=True)
def code(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "drawing.py").write_text(CODE)
    look_in(tmp_path)
    yield
    look_in(None)
    sys.modules.pop("drawing", None)


def opened(name: str, **settings: object):
    checked = PretrainedSettings.model_validate({"source": f"drawing:{name}", **settings})
    return open_generator(checked)


def test_a_callable_draws_from_the_generator_in_pieces():
    one = opened("plain").draw(10, torch.Generator().manual_seed(1))
    expected = torch.rand(10, 1, 4, 4, generator=torch.Generator().manual_seed(1)) * 2 - 1
    assert torch.equal(one, expected)
    assert opened("plain", images_at_once=3).draw(10, torch.Generator()).shape == (10, 1, 4, 4)


def test_what_a_callable_takes_is_in_its_signature():
    assert [opened(name).condition for name in ("plain", "labelled", "captioned")] == [
        "none", "labels", "captions",
    ]  # fmt: skip
    draws = torch.Generator()
    labels = torch.tensor([1, 5, 9])
    made = opened("labelled", images_at_once=2).draw(3, draws, labels)
    assert torch.equal(made[:, 0, 0, 0], labels / 10)
    made = opened("captioned", images_at_once=2).draw(3, draws, None, ["a", "abc", "abcde"])
    assert torch.allclose(made[:, 0, 0, 0], torch.tensor([0.1, 0.3, 0.5]))
    assert float(opened("steps", arguments={"steps": 25}).draw(1, draws).max()) == 0.25


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("few", "returned 4 images where 5 were asked for"),
        ("nan", "returned 80 of 80 values that are not finite"),
        ("raises", "fails with RuntimeError: no GPU (drawing.py:"),
        ("leaves", "fails with SystemExit: 3"),
    ],
)
def test_a_callable_that_fails_is_one_line(name: str, message: str):
    with pytest.raises(BadInput) as caught:
        opened(name).draw(5, torch.Generator())
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("alone", "cannot be called as f(n, generator): too many positional arguments"),
        ("steps", "missing a required"),
        ("Net", "is a class; a function"),
        ("number", "is int; a function"),
        ("absent", "has no 'absent'"),
    ],
)
def test_what_cannot_be_called_is_refused_before_it_is(name: str, message: str):
    with pytest.raises(BadInput, match="drawing") as caught:
        opened(name)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (torch.zeros(5, 3, 4), "returned 5×3×4; n×C×H×W"),
        (torch.zeros(5, 4, 4, 3), "looks like n×H×W×C"),
        (torch.zeros(5, 4, 8, 8), "with C = 1 or 3"),
        (torch.zeros(5, 1, 4, 4, dtype=torch.int64), "returned int64"),
        (torch.zeros(5, 1, 4, 4, dtype=torch.bool), "returned bool"),
        ([1, 2], "returned a list"),
        (None, "returned a NoneType"),
        (torch.rand(5, 1, 4, 4), "these lie in [0, 1] and not in [-1, 1]"),
        (torch.rand(5, 1, 4, 4) * 255, "images lie in [-1, 1], or uint8"),
        (torch.full((5, 1, 4, 4), float("inf")), "not finite"),
    ],
)
def test_wrong_outputs(output: object, message: str):
    with pytest.raises(BadInput) as caught:
        checked_images("it", output, 5, "-1..1")
    assert message in str(caught.value)


def test_negative_values_where_zero_to_one_was_said():
    with pytest.raises(BadInput, match=r"for \[-1, 1\] say -1\.\.1"):
        checked_images("it", torch.linspace(-1, 1, 80).view(5, 1, 4, 4), 5, "0..1")


def test_pixels_floats_and_both_ranges_are_the_same_images():
    pixels = torch.arange(256, dtype=torch.uint8).view(4, 1, 8, 8)
    expected = to_float(pixels)
    for output, value_range in (
        (pixels, "-1..1"),
        (pixels.numpy(), "0..1"),
        (expected, "-1..1"),
        (expected.double(), "-1..1"),
        (pixels.float() / 255, "0..1"),
    ):
        made = checked_images("it", output, 4, value_range)  # type: ignore[arg-type]
        assert torch.allclose(made, expected, atol=1e-6)
        assert made.dtype == torch.float32
    assert torch.equal(checked_images("it", np.asarray(pixels), 4, "-1..1"), expected)


def test_a_little_beyond_the_range_is_clamped():
    made = checked_images("it", torch.tensor([-1.3, 1.2]).view(2, 1, 1, 1), 2, "-1..1")
    assert made.flatten().tolist() == [-1, 1]


def test_a_changed_function_and_a_changed_file_change_the_content(tmp_path: Path):
    (tmp_path / "weights.bin").write_bytes(b"1")
    first = content_digests(opened("plain", files=["weights.bin"]))
    assert first == content_digests(opened("plain", files=["weights.bin"]))
    (tmp_path / "weights.bin").write_bytes(b"2")
    second = content_digests(opened("plain", files=["weights.bin"]))
    (tmp_path / "drawing.py").write_text(CODE.replace("* 2 - 1", "* 2 - 1.0"))
    third = content_digests(opened("plain", files=["weights.bin"]))
    assert len({frozenset(each.items()) for each in (first, second, third)}) == 3


def test_each_file_that_a_module_opens_counts_whatever_its_name(tmp_path: Path):
    """Two files of one name, one of them named by the recipe too."""
    reads = "from pathlib import Path\nA = [Path(f).read_text() for f in FILES]\n"
    paths = [tmp_path / "a" / "w.txt", tmp_path / "b" / "w.txt", tmp_path / "w.txt"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("1")
    (tmp_path / "opening.py").write_text(f"FILES = {list(map(str, paths[:2]))}\n{reads}{CODE}")
    contents = [content_digests(reopened(tmp_path))]
    for path in paths:
        path.write_text("2")
        contents.append(content_digests(reopened(tmp_path)))
    assert len({frozenset(each.items()) for each in contents}) == 4


def reopened(folder: Path) -> ImageGenerator:
    """A function of the module `opening`, imported again."""
    look_in(None)
    look_in(folder)
    return open_generator(PretrainedSettings(source="opening:plain", files=("w.txt",)))


@pytest.mark.parametrize("suffix", ["pth", "ckpt", "pkl", "bin"])
def test_pickles_are_refused_with_the_way_to_export(suffix: str):
    assert is_model(f"model.{suffix}")
    with pytest.raises(BadInput, match=r"torch\.export\.save"):
        open_generator(PretrainedSettings(source=f"model.{suffix}"))


def test_a_run_in_a_suite_is_refused_with_what_to_do():
    with pytest.raises(BadInput, match="name its recipe in a suite"):
        open_generator(PretrainedSettings(source="run:0123abcd"))


def test_splits_of_datasets_are_no_callables():
    assert [is_model(name) for name in ("digits:test", "digits:tset", "drawing:plain")] == [
        False, False, True,
    ]  # fmt: skip


def built(name: str, shape: ImageShape) -> Callable[[], object]:
    return lambda: build_family("pretrained", {"source": f"drawing:{name}"}, shape)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("labelled", ImageShape(1, 4), "takes class labels, and the images have none"),
        ("captioned", ImageShape(1, 4), "takes captions, and the images have none"),
        ("plain", ImageShape(2, 1, pixels=False), "8-bit pixels"),
    ],
)
def test_data_that_a_model_does_not_fit(name: str, shape: ImageShape, message: str):
    with pytest.raises(BadInput, match=message):
        built(name, shape)()
