"""`paired:PATH`: pairs of images for translation, a source and what is to be made from it.

Either each file holds both side by side, A left and B right, as for pix2pix; or there are two
folders `A/` and `B/` whose files belong together by their path without suffix. In each of these
`train/` and `test/` (or `val/`) are the splits; without them an image's name decides
(`layout.is_test`). `direction=ab` makes B from A, `direction=ba` A from B.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

from harness.core.counting import counted_of
from harness.core.errors import BadInput, first_three
from harness.data.image_search import find_images
from harness.data.source import DatasetFactory, Source
from harness.data.user.factory import user_card, user_source
from harness.data.user.image_options import OPTIONS, ImageOptions
from harness.data.user.layout import Layout, PictureFile, SplitFiles, is_test, stem
from harness.data.user.paths import named_folder, split_folders

DIRECTIONS = ("ab", "ba")

Pair = tuple[PictureFile, PictureFile]
"""A and B."""


def find(folder: Path, direction: str = "ab") -> Layout:
    """One class. Raises BadInput where an image has no partner."""
    a, b = named_folder(folder, "A"), named_folder(folder, "B")
    if a and b:
        train, test = _of_folders(a, b)
    elif a or b:
        raise BadInput(f"{folder}: of the folders A/ and B/ one is missing")
    else:
        train, test = _side_by_side(folder)
    return Layout(folder, ("images",), _part(train, direction), _part(test, direction))


def _side_by_side(folder: Path) -> tuple[list[Pair], list[Pair]]:
    def halves(files: dict[str, Path]) -> list[Pair]:
        return [(PictureFile(file, 0), PictureFile(file, 1)) for file in files.values()]

    train, test = _split(folder)
    return halves(train), halves(test)


def _of_folders(a: Path, b: Path) -> tuple[list[Pair], list[Pair]]:
    (train_a, test_a), (train_b, test_b) = _split(a), _split(b)
    return _matched(a, train_a, b, train_b), _matched(a, test_a, b, test_b)


def _split(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    """Training and test images by their name without suffix."""
    splits = split_folders(folder)
    if splits:
        return _named(splits[0]), _named(splits[1])
    files = _named(folder)
    train = {name: file for name, file in files.items() if not is_test(name)}
    return train, {name: file for name, file in files.items() if is_test(name)}


def _named(folder: Path) -> dict[str, Path]:
    files, _ = find_images(folder)
    for one, other in pairwise(files):  # sorted: those of one name are neighbours
        if stem(one, folder) == stem(other, folder):
            raise BadInput(f"{one} and {other} differ in suffix only; keep one")
    return {stem(file, folder): file for file in files}


def _matched(a: Path, of_a: dict[str, Path], b: Path, of_b: dict[str, Path]) -> list[Pair]:
    for where, names, other in ((a, of_a, of_b), (b, of_b, of_a)):
        if alone := [name for name in names if name not in other]:
            raise BadInput(
                f"{where}: {counted_of(len(alone), len(names), 'image')} without a partner in "
                f"{(b if where == a else a).name}/ (by name, without suffix): {first_three(alone)}"
            )
    return [(PictureFile(file), PictureFile(of_b[name])) for name, file in of_a.items()]


def _part(pairs: Sequence[Pair], direction: str) -> SplitFiles:
    source = direction[0] == "b"
    pictures = [pair[not source] for pair in pairs]
    return SplitFiles(pictures, [0] * len(pairs), sources=[pair[source] for pair in pairs])


def _make(argument: str, options: Mapping[str, str]) -> Source:
    name = f"paired:{argument}"
    direction = options.get("direction", "ab")
    if direction not in DIRECTIONS:
        raise BadInput(f"{name}: direction={direction}; ab (B from A) or ba (A from B) is needed")
    image_options = ImageOptions.read(name, options)
    return user_source(
        name, argument, user_card(name), partial(find, direction=direction), image_options
    )


PAIRED = DatasetFactory(_make, (*OPTIONS, "direction"), "PATH", "pairs of images")
