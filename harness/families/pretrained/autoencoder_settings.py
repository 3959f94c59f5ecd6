"""What a recipe, or `harness score --pairs`, says of a pretrained autoencoder."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from harness.families.pretrained.settings import ValueRange
from harness.families.untrained import UntrainedSettings


class PretrainedAutoencoderSettings(UntrainedSettings):
    """`source` is the model: `package.module:callable` of images, a TorchScript (`.pt`) or a
    `torch.export` file (`.pt2`), or an autoencoder of diffusers: its folder, a pipeline's, or
    `hf:REPO`. With `decoder`, a second file, the source is an encoder.
    """

    source: str = Field(min_length=1)
    decoder: str = ""
    value_range: ValueRange = "-1..1"
    """Where floats of images lie, those that the model takes and those that it returns."""
    images_at_once: PositiveInt = Field(100, le=100)
    """Images that the model is given in one call."""
    files: tuple[str, ...] = ()
    """Files that a callable reads when it is called: they are part of the training key."""
