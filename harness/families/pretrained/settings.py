"""What a recipe, or `harness score`, says of a pretrained model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from harness.families.untrained import UntrainedSettings

Condition = Literal["none", "labels", "captions"]
"""What a model takes with each image."""
ValueRange = Literal["-1..1", "0..1"]
"""Where the floating-point values of a model's images lie."""
Latent = Literal["normal", "uniform", "sphere"]
"""The distribution of latents: N(0, I), independent values of [0, 1), or uniform on the unit
sphere."""
Argument = bool | int | float | str


class PretrainedSettings(UntrainedSettings):
    """`source` is the model: `package.module:callable`, a TorchScript file (`.pt`), a
    `torch.export` file (`.pt2`), an ONNX file, or a diffusers pipeline (a folder or
    `hf:REPO`). `harness score` takes `run:RUN_ID` too, a cell of the tracking store.
    """

    source: str = Field(min_length=1)
    condition: Condition | None = None
    """The condition of each image; by default what the model takes."""
    value_range: ValueRange = "-1..1"
    images_at_once: PositiveInt = Field(100, le=100)
    """Images that the model makes in one call."""
    latent: tuple[PositiveInt, ...] = ()
    """The shape of one latent, where the file does not say it."""
    latent_distribution: Latent = "normal"
    arguments: dict[str, Argument] = Field(default_factory=dict)
    """Further arguments by name, for a callable or a pipeline: `num_inference_steps: 50`."""
    files: tuple[str, ...] = ()
    """Files that a callable reads when it is called: they are part of the training key."""
    trust_remote_code: bool = False
    """Whether code that comes with a pipeline may run."""
