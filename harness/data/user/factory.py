"""Sources and factories of datasets from a folder of the user's images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.data.base import DatasetCard, Split
from harness.data.source import DatasetFactory, Source
from harness.data.user.image_options import OPTIONS, ImageOptions
from harness.data.user.layout import Layout
from harness.data.user.paths import check_argument, folder_at, store_name
from harness.data.user.prepare import load_layout


def user_card(name: str) -> DatasetCard:
    """Return the card of images that only their owner knows."""
    return DatasetCard(
        title=f"{name}, a user's own images",
        licence="known to their owner",
        citation="none",
    )


def user_source(
    name: str,
    argument: str,
    card: DatasetCard,
    find: Callable[[Path], Layout],
    options: ImageOptions,
) -> Source:
    """The dataset `name`: the images that `find` finds in the folder `argument`, converted by
    `options`.
    """
    check_argument(name, argument)

    def load_splits(root: Path) -> tuple[Split, Split]:
        return load_layout(root, find(folder_at(argument, root)), options)

    def classes(root: Path) -> tuple[str, ...]:
        return find(folder_at(argument, root)).classes

    return Source(card, load_splits, classes, stored=store_name(Path(argument)))


def user_images(kind: str, find: Callable[[Path], Layout], title: str) -> DatasetFactory:
    """`kind:PATH`, whose images `find` finds in the folder."""

    def make(argument: str, options: Mapping[str, str]) -> Source:
        name = f"{kind}:{argument}"
        return user_source(name, argument, user_card(name), find, ImageOptions.read(name, options))

    return DatasetFactory(make, OPTIONS, "PATH", title)
