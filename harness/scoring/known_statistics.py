"""Statistics that others publish, known by the names of their files.

A name is no proof: nothing here has the digest of a published file, and every number says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from harness.extractors.inception import RESIZES


@dataclass(frozen=True)
class KnownStatistics:
    """Files whose names match `pattern`: who publishes them, the extractor by the harness's name,
    and of how many images they are, 0 where that is not stated.
    """

    pattern: str
    source: str
    extractor: str = "inception"
    images: int = 0

    @property
    def preprocessing(self) -> str:
        """How images become what the network takes, as protocols have it."""
        return RESIZES[self.extractor].preprocessing

    @property
    def note(self) -> str:
        """The remark beside each number that is compared with the file."""
        images = f" of {self.images:,} images" if self.images else ""
        return f"by its name {self.source}{images}; the content was not compared with the original"


KNOWN = (
    KnownStatistics(r"VIRTUAL_imagenet(64|128|256|512)(_labeled)?\.npz", "ADM's of ImageNet"),
    KnownStatistics(r"VIRTUAL_lsun_(bedroom|cat|horse)256\.npz", "ADM's of LSUN"),
    KnownStatistics(r"cifar10-32x32\.npz", "EDM's of CIFAR-10", images=50_000),
    KnownStatistics(r"ffhq-64x64\.npz", "EDM's of FFHQ", images=70_000),
    KnownStatistics(r"afhqv2-64x64\.npz", "EDM's of AFHQv2", images=15_803),
    KnownStatistics(r"imagenet-64x64\.npz", "EDM's of ImageNet", images=1_281_167),
    KnownStatistics(
        r"\w+_clean_(train|test|trainfull|trainval)\w*_(na|\d+)\.npz",
        "clean-fid's in its mode clean",
        "inception:pil-bicubic",
    ),
    KnownStatistics(
        r"\w+_legacy_tensorflow_(train|test)\w*_(na|\d+)\.npz",
        "clean-fid's in its mode legacy_tensorflow",
    ),
)


def known_statistics(file: Path) -> KnownStatistics | None:
    """The published statistics that a file's name stands for; None for other names."""
    return next((each for each in KNOWN if re.fullmatch(each.pattern, file.name)), None)
