"""`shards:PATH`: images in tar files, as WebDataset writes them (https://github.com/webdataset).

The files of one sample share the name up to its first dot: `0001.jpg` and, where there are classes,
`0001.cls` with a whole number. Shards lie in `train/` and `test/` (or `val/`), or have one of these
words in their names; otherwise the name of a sample decides (`layout.is_test`). Nothing is
unpacked to disk.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

from harness.core.errors import BadInput, read_error
from harness.core.files import file_sha256
from harness.data.base import Split
from harness.data.image_archive import MAX_BYTES
from harness.data.source import DatasetFactory, Source
from harness.data.user.encoded_images import EncodedImage, EncodedImages, EncodedSplit
from harness.data.user.factory import user_card
from harness.data.user.file_cache import values_by_file
from harness.data.user.image_options import OPTIONS, ImageOptions
from harness.data.user.layout import is_test
from harness.data.user.paths import (
    SPLITS,
    check_argument,
    folder_at,
    split_folders,
    store_name,
)

IMAGES = (".jpg", ".jpeg", ".png", ".webp")
LABEL = ".cls"
CLASS_BYTES = 64
"""Bytes of a file with a class at most."""

Listed = list[tuple[str, int | None]]
"""The images of a shard in order: the name of each sample, and its class where it has one."""


def load_shards(root: Path, folder: Path, options: ImageOptions) -> tuple[Split, Split]:
    """The train and the test split in a folder of shards, prepared once below `root`.

    Raises BadInput where there are no shards, where one cannot be read, and where some samples have
    a class and others have none.
    """
    splits, contents = {}, {}
    for name, listed in _listed(root, folder).items():
        labels = [label or 0 for shard in listed.values() for _, label in shard[1]]
        shards = {path: [sample for sample, _ in rows] for path, (_, rows) in listed.items()}
        splits[name] = EncodedSplit(np.array(labels, np.int64), partial(_read, shards))
        contents[name] = [[sha, len(rows)] for sha, rows in listed.values()]
    place = EncodedImages(str(folder), store_name(folder), contents, splits)
    return place.load(root, options)


def shard_classes(root: Path, folder: Path) -> tuple[str, ...]:
    """The numbers from 0 to the largest class; one name where there are no classes."""
    listed = _listed(root, folder).values()
    labels = [label for part in listed for _, rows in part.values() for _, label in rows]
    if None in labels:
        return ("images",)
    return tuple(str(n) for n in range(1 + max((label or 0 for label in labels), default=0)))


def _listed(root: Path, folder: Path) -> dict[str, dict[Path, tuple[str, Listed]]]:
    """Of each split the shards, with the SHA-256 and the samples of each."""
    parts = _shards(folder)
    paths = sorted({path for part in parts.values() for path in part})
    values = values_by_file(root, folder, paths, lambda new: [_inspected(path) for path in new])
    facts = {
        path: (sha, [(str(name), label) for name, label in rows])
        for path, (sha, rows) in zip(paths, values, strict=True)
    }
    _check_classes(folder, facts)
    if parts["train"] != parts["test"]:
        return {name: {path: facts[path] for path in part} for name, part in parts.items()}
    return {
        name: {
            path: (sha, [row for row in rows if is_test(row[0]) == (name == "test")])
            for path, (sha, rows) in facts.items()
        }
        for name in parts
    }


def _shards(folder: Path) -> dict[str, list[Path]]:
    """The shards of each split; the same of both where nothing tells them apart."""
    if splits := split_folders(folder):
        train, test = (sorted(split.glob("*.tar")) for split in splits)
        parts = {"train": train, "test": test}
    else:
        every = sorted(folder.glob("*.tar"))
        named = {kind: [p for p in every if _is_named(p, kind)] for kind in SPLITS}
        test = named["test"] or named["val"]
        parts = {"train": named["train"], "test": test}
        if not named["train"] and not test:
            parts = {"train": every, "test": every}
    for name, paths in parts.items():
        if not paths:
            raise BadInput(f"{folder}: no shards (*.tar) to {name} with")
    return parts


def _is_named(path: Path, kind: str) -> bool:
    return bool({*re.split(r"[-_.]", path.stem.lower())} & {*SPLITS[kind]})


def _check_classes(folder: Path, facts: Mapping[Path, tuple[str, Listed]]) -> None:
    kinds: dict[bool, str] = {}
    for path, (_, rows) in facts.items():
        for name, label in rows:
            kinds.setdefault(label is None, f"{path.name}/{name}")
    if len(kinds) > 1:
        raise BadInput(
            f"{folder}: {kinds[False]} has a class ({LABEL}) and {kinds[True]} has none; all or "
            "none need one"
        )


def _inspected(path: Path) -> tuple[str, Listed]:
    """The SHA-256 of a shard, and its samples. Raises BadInput for what is no tar file."""
    names: dict[str, None] = {}
    labels: dict[str, int] = {}
    for sample, suffix, content in _members(path, (*IMAGES, LABEL), with_images=False):
        if suffix != LABEL:
            if sample in names:
                raise BadInput(f"{path}/{sample}: two images of one sample")
            names[sample] = None
            continue
        text = content.decode("ascii", "replace").strip()
        if not re.fullmatch(r"\d{1,6}", text):
            raise BadInput(f"{path}/{sample}{LABEL}: {text!r}; a whole number from 0 is needed")
        labels[sample] = int(text)
    return file_sha256(path), [(name, labels.get(name)) for name in names]


def _read(shards: Mapping[Path, Sequence[str]]) -> Iterator[EncodedImage]:
    """The images of the samples that each shard names, in order."""
    for path, names in shards.items():
        chosen = set(names)
        for sample, suffix, content in _members(path, IMAGES, with_images=True):
            if sample in chosen:
                yield EncodedImage(f"{path}/{sample}{suffix}", content)


def _members(
    path: Path, suffixes: Sequence[str], *, with_images: bool
) -> Iterator[tuple[str, str, bytes]]:
    """The files of a shard with these suffixes: sample, suffix and content. Images are read only
    where asked for.
    """
    try:
        with tarfile.open(path, "r:") as shard:
            for member in shard:
                folder, name = PurePosixPath(member.name).parent, PurePosixPath(member.name).name
                stem, dot, rest = name.partition(".")
                suffix = f"{dot}{rest}".lower()
                if not member.isfile() or not stem or suffix not in suffixes:
                    continue
                if member.size > (CLASS_BYTES if suffix == LABEL else MAX_BYTES):
                    raise BadInput(f"{path}/{member.name}: {member.size:,} bytes are too many")
                wants = with_images or suffix == LABEL
                stream = shard.extractfile(member) if wants else None
                yield (folder / stem).as_posix(), suffix, stream.read() if stream else b""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise read_error(path, error) from error


def _make(argument: str, options: Mapping[str, str]) -> Source:
    name = f"shards:{argument}"
    check_argument(name, argument)
    image_options = ImageOptions.read(name, options)
    return Source(
        user_card(name),
        lambda root: load_shards(root, folder_at(argument, root), image_options),
        lambda root: shard_classes(root, folder_at(argument, root)),
        stored=store_name(Path(argument)),
    )


SHARDS = DatasetFactory(_make, OPTIONS, "PATH", "images in tar files, as WebDataset writes them")
