"""The kinds of models, by the names that recipes use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.families.base import Family, Shape
from harness.spec.registry import Registry

FAMILIES = Registry(
    "family",
    "harness.families",
    {
        "autoencoder": "harness.families.autoencoder:Autoencoder",
        "vae": "harness.families.vae:VAE",
        "gan": "harness.families.gan:GAN",
        "diffusion": "harness.families.diffusion:Diffusion",
        "translation": "harness.families.translation:Translation",
        "cyclegan": "harness.families.cyclegan:CycleGAN",
    },
)


def build_family(name: str, settings: Mapping[str, Any], shape: Shape) -> Family:
    """An untrained model: family `name` configured by a recipe's `settings`, for images of `shape`.

    Raises BadInput for an unknown family or a shape it cannot take, pydantic's ValidationError for
    settings that are wrong.
    """
    family: type[Family] = FAMILIES.load(name)
    return family(family.Settings.model_validate(settings), shape)
