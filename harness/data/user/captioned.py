"""`captions:PATH`: a folder of images, and their texts in its `captions.csv` or `captions.jsonl`.

Files are named by their path in the folder. Of several captions of an image the first counts. With
`train/` and `test/` (or `val/`) these are the splits; otherwise the name of an image decides
(`layout.is_test`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import BadInput
from harness.data.captions import load_captions
from harness.data.image_search import find_images
from harness.data.user.factory import user_images
from harness.data.user.layout import Layout, PictureFile, SplitFiles, is_test, stem
from harness.data.user.paths import split_folders

NAMES = ("captions.csv", "captions.jsonl")


def find(folder: Path) -> Layout:
    """One class. Raises BadInput where an image has no caption."""
    caption_files = [folder / name for name in NAMES if (folder / name).is_file()]
    if len(caption_files) != 1:
        raise BadInput(
            f"{folder}: one of {' and '.join(NAMES)} is needed; it has {len(caption_files)}"
        )
    splits = split_folders(folder)
    if splits:
        train, test = (find_images(split)[0] for split in splits)
    else:
        images, _ = find_images(folder)
        train = [file for file in images if not is_test(stem(file, folder))]
        test = [file for file in images if is_test(stem(file, folder))]
    parts = (_part(folder, caption_files[0], files) for files in (train, test))
    return Layout(folder, ("images",), *parts)


def _part(folder: Path, captions: Path, files: Sequence[Path]) -> SplitFiles:
    names = [file.relative_to(folder).as_posix() for file in files]
    texts = tuple(load_captions(captions, names, several=True))
    return SplitFiles([PictureFile(file) for file in files], [0] * len(files), texts=texts)


CAPTIONS = user_images("captions", find, "images in a folder, with texts")
