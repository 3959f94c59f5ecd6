"""`folder:PATH`: images in a folder for each class, or all in one.

With `train/` and `test/` (or `val/`) these are the splits. Otherwise the name of an image decides
(`layout.is_test`). Whatever else is beside split folders, and what is no image, is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import BadInput
from harness.data.image_search import find_images
from harness.data.user.factory import user_images
from harness.data.user.layout import Layout, PictureFile, SplitFiles, is_test, stem
from harness.data.user.paths import folder_names, split_folders

FLAT = "images"
"""The one class of a folder without subfolders."""

Classed = list[tuple[Path, str]]
"""Files with the name of the class that each belongs to."""


def find(folder: Path) -> Layout:
    """The classes are sorted by name. Raises BadInput where the folder has another layout."""
    splits = split_folders(folder)
    if splits:
        train, test = (_classed(split) for split in splits)
        _check_classes(folder, train, test)
    else:
        files = _classed(folder)
        train = [file for file in files if not is_test(stem(file[0], folder))]
        test = [file for file in files if is_test(stem(file[0], folder))]
    classes = tuple(sorted({name for _, name in (*train, *test)}))
    return Layout(folder, classes, _part(train, classes), _part(test, classes))


def _classed(base: Path) -> Classed:
    """The images below `base`; the first folder on the way to each is its class."""
    images, _ = find_images(base)
    paths = [file.relative_to(base).parts for file in images]
    classes = {parts[0] for parts in paths if len(parts) > 1}
    loose = [parts[0] for parts in paths if len(parts) == 1]
    if classes and loose:
        raise BadInput(
            f"{base}: has images, such as {loose[0]}, beside folders with images, such as "
            f"{min(classes)}/; put all into folders, one for each class, or none"
        )
    if classes and (empty := folder_names(base) - classes):
        raise BadInput(f"{base / min(empty)}: a class without images")
    return [
        (file, parts[0] if classes else FLAT) for file, parts in zip(images, paths, strict=True)
    ]


def _check_classes(folder: Path, train: Classed, test: Classed) -> None:
    new = {name for _, name in test} - {name for _, name in train}
    if new:
        raise BadInput(
            f"{folder}: the class {min(new)} has images to test with and none to train on; "
            "mvtec:PATH is for sets of defects, which only the test images have"
        )


def _part(files: Classed, classes: Sequence[str]) -> SplitFiles:
    numbers = {name: number for number, name in enumerate(classes)}
    return SplitFiles(
        [PictureFile(file) for file, _ in files], [numbers[name] for _, name in files]
    )


FOLDER = user_images("folder", find, "images in a folder, in folders by class or not")
