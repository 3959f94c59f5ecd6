"""What the images of a pretrained model depend on: files, packages, and the user's code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.import_files import opened_on_import
from harness.families.pretrained.autoencoders import ImageAutoencoder
from harness.families.pretrained.generator import ImageGenerator
from harness.training.code_version import module_digests
from harness.training.family_files import data_digests

PRETRAINED = ("pretrained", "pretrained-autoencoder")
UNKEYED = ("sampling", "source", "files", "decoder")
"""Settings of pretrained families that say where it is, or how it samples: its content counts
in their place."""


def content_digests(generator: ImageGenerator | ImageAutoencoder) -> dict[str, str]:
    """Digests of all that a pretrained model is made of, by name: its files, the versions of the
    packages that run it, the modules of the user's code, and the files that these open on import.
    """
    digests = dict(generator.content())
    if modules := generator.modules():
        code = module_digests(modules, modules[0].partition(".")[0])
        digests |= {f"code {name}": value for name, value in code.items()}
        opened = data_digests(opened_on_import(code))
        digests |= {f"opened {name}": value for name, value in opened.items()}
    return digests


def keyed_settings(family: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a family that are part of its training key."""
    left_out = UNKEYED if family in PRETRAINED else UNKEYED[:1]
    return {name: value for name, value in settings.items() if name not in left_out}
