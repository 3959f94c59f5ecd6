"""`unpaired:PATH`: two domains in the layout of CycleGAN, `trainA/ trainB/ testA/ testB/`."""

from __future__ import annotations

from pathlib import Path

from harness.data.image_files import find_images
from harness.data.own.maker import own_images
from harness.data.own.parts import Layout, Part, Picture
from harness.data.own.places import subfolder
from harness.spec.errors import BadInput

DOMAINS = ("A", "B")


def find(folder: Path) -> Layout:
    """The classes are the domains A and B. Raises BadInput where the folder has another layout."""
    return Layout(folder, DOMAINS, _part(folder, "train"), _part(folder, "test", "val"))


def _part(folder: Path, *splits: str) -> Part:
    pictures: list[Picture] = []
    labels: list[int] = []
    for label, domain in enumerate(DOMAINS):
        found = subfolder(folder, *(split + domain for split in splits))
        if found is None:
            raise BadInput(
                f"{folder}: has no {splits[0]}{domain}/; trainA/, trainB/, testA/ and testB/ are "
                "needed (valA/ and valB/ serve where there is no test)"
            )
        images, _ = find_images(found)
        pictures += [Picture(file) for file in images]
        labels += [label] * len(images)
    return Part(pictures, labels)


UNPAIRED = own_images("unpaired", find, "images of two domains, without pairs")
