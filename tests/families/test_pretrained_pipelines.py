"""Pipelines of diffusers, of random weights: their images, and what is refused of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.core.errors import BadInput
from harness.core.user_code import look_in
from harness.data.pixels import to_uint8
from harness.families.pretrained.generator import ImageGenerator
from harness.families.pretrained.pipeline_files import fetch_pipeline
from harness.families.pretrained.settings import PretrainedSettings
from harness.families.pretrained.source import open_generator
from harness.training.generator_content import content_digests


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a small pipeline in `pipe`."""
    diffusers = pytest.importorskip("diffusers")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = diffusers.UNet2DModel(
            sample_size=8, in_channels=1, out_channels=1, layers_per_block=1, norm_num_groups=4,
            block_out_channels=(8,), down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",),
        )  # fmt: skip
    pipeline = diffusers.DDIMPipeline(unet, diffusers.DDIMScheduler(1000))
    pipeline.save_pretrained(tmp_path / "pipe")
    look_in(tmp_path)
    yield tmp_path
    look_in(None)


def opened(**settings: Any) -> ImageGenerator:
    return open_generator(PretrainedSettings.model_validate({"source": "pipe", **settings}))


def test_a_pipeline_gives_the_images_that_it_would_save(folder: Path):
    diffusers = pytest.importorskip("diffusers")
    model = opened(arguments={"num_inference_steps": 2})
    model.load(torch.device("cpu"))
    made = to_uint8(model.draw(3, torch.Generator().manual_seed(1)))
    pipeline = diffusers.DDIMPipeline.from_pretrained(folder / "pipe")
    images = pipeline(
        batch_size=3, generator=torch.Generator().manual_seed(1), num_inference_steps=2
    ).images
    assert np.array_equal(made[:, 0].numpy(), np.stack([np.asarray(image) for image in images]))


def test_its_content_is_that_of_its_files(folder: Path):
    first = content_digests(opened())
    config = folder / "pipe" / "scheduler" / "scheduler_config.json"
    assert "scheduler/scheduler_config.json" in first
    config.write_text(config.read_text().replace("0.02", "0.03"))
    assert content_digests(opened()) != first


def rewrite(folder: Path, **changes: Any) -> None:
    file = folder / "pipe" / "model_index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unet": ["my_unet", "MyUNet"]}, "unet would run code that comes with the model"),
        ({"unet": ["os", "system"]}, "unet would run code"),
        ({"_class_name": ["my_pipeline", "Mine"]}, "the pipeline would run code"),
        ({"_class_name": "AbsentPipeline"}, "has no pipeline 'AbsentPipeline'"),
        ({"_class_name": "UNet2DModel"}, "has no pipeline 'UNet2DModel'"),
        ({"_class_name": "RePaintPipeline"}, "RePaintPipeline needs 'image'|takes no number"),
    ],
)
def test_pipelines_that_cannot_be_scored(folder: Path, changes: dict[str, Any], message: str):
    rewrite(folder, **changes)
    with pytest.raises(BadInput, match=message):
        opened()


def test_pickled_weights_are_refused(folder: Path):
    unet = folder / "pipe" / "unet"
    (unet / "diffusion_pytorch_model.safetensors").rename(unet / "diffusion_pytorch_model.bin")
    with pytest.raises(BadInput, match=r"unet/diffusion_pytorch_model\.bin is a pickle"):
        opened()


def test_unknown_arguments_and_damaged_files(folder: Path):
    with pytest.raises(BadInput, match="takes no argument 'steps'"):
        opened(arguments={"steps": 3})
    (folder / "pipe" / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(b"no")
    with pytest.raises(BadInput, match="pipe cannot be loaded") as caught:
        opened().load(torch.device("cpu"))
    assert "\n" not in str(caught.value)
    (folder / "pipe" / "model_index.json").write_text("[]")
    with pytest.raises(BadInput, match="is not of a diffusers pipeline"):
        opened()


class Hub:
    """A hub whose downloads fail."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def snapshot_download(self, *_: Any, **__: Any) -> str:
        raise self.error


class GatedRepoError(Exception):
    """As huggingface_hub names it."""


class RepositoryNotFoundError(Exception):
    """As huggingface_hub names it."""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            GatedRepoError("403\nForbidden"),
            "is gated: accept its terms at https://huggingface.co/a/b",
        ),
        (RepositoryNotFoundError("404"), "is not on the hub, or is private"),
        (OSError("no route to host\nmore"), "cannot be fetched"),
    ],
)
def test_what_the_hub_refuses_is_one_line(monkeypatch, error: Exception, message: str):
    hub = Hub(error)
    module = "harness.families.pretrained.pipeline_files"
    monkeypatch.setattr(f"{module}.load_optional", lambda *_: hub)
    with pytest.raises(BadInput, match=message) as caught:
        fetch_pipeline(PretrainedSettings(source="hf:a/b"))
    assert "\n" not in str(caught.value)
    with pytest.raises(BadInput, match="hf:OWNER/NAME is needed"):
        fetch_pipeline(PretrainedSettings(source="hf:only"))
