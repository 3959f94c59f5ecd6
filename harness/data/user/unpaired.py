"""`unpaired:PATH`: two domains in the layout of CycleGAN, `trainA/ trainB/ testA/ testB/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.data.base import Split
from harness.data.image_search import find_images
from harness.data.source import DatasetFactory, Source
from harness.data.user.factory import user_card, user_source
from harness.data.user.image_options import OPTIONS, ImageOptions
from harness.data.user.layout import Layout, PictureFile, SplitFiles
from harness.data.user.paths import split_folder

DOMAINS = ("A", "B")


def find(folder: Path) -> Layout:
    """The classes are the domains A and B. Raises BadInput where the folder has another layout."""
    return Layout(folder, DOMAINS, _part(folder, "train"), _part(folder, "test"))


def _part(folder: Path, split: str) -> SplitFiles:
    pictures: list[PictureFile] = []
    labels: list[int] = []
    for label, domain in enumerate(DOMAINS):
        subfolder = split_folder(folder, split, domain)
        if subfolder is None:
            raise BadInput(
                f"{folder}: has no {split}{domain}/; trainA/, trainB/, testA/ and testB/ are "
                "needed (valA/ and valB/ serve where there is no test)"
            )
        images, _ = find_images(subfolder)
        pictures += [PictureFile(file) for file in images]
        labels += [label] * len(images)
    return SplitFiles(pictures, labels)


def _make(argument: str, options: Mapping[str, str]) -> Source:
    name = f"unpaired:{argument}"
    source = user_source(name, argument, user_card(name), find, ImageOptions.read(name, options))

    def load(root: Path) -> tuple[Split, Split]:
        train, test = source.load(root)
        known_digest = digest([train.known_digest, "unpaired"])
        return replace(train, unpaired=True, known_digest=known_digest), test

    return replace(source, load=load)


UNPAIRED = DatasetFactory(_make, OPTIONS, "PATH", "images of two domains, without pairs")
