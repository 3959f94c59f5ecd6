"""LSUN: photographs of one category of scenes, in LMDB databases as its authors give them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import BadInput, read_error, suggest
from harness.data.base import DatasetCard, Split
from harness.data.source import DatasetFactory, Source
from harness.data.standard import sizing
from harness.data.standard.encoded_set import Encoded, EncodedSet, Photographs
from harness.data.standard.files import Files
from harness.data.standard.sizing import Sizing

CATEGORIES = tuple(
    """
    bedroom bridge church_outdoor classroom conference_room dining_room kitchen living_room
    restaurant tower
""".split()
)
SIZE = 64
DATABASES = {"train": "train", "test": "val"}


def _name(category: str) -> str:
    return f"lsun-{category}"


def _files(category: str) -> Files:
    names = [f"{category}_{part}_lmdb/data.mdb" for part in DATABASES.values()]
    return Files("LSUN", Path("lsun"), dict.fromkeys(names, ""), home="github.com/fyu/lsun")


def load(category: str, sizing: Sizing, root: Path) -> tuple[Split, Split]:
    """The authors' training and validation images of a category, RGB, by key."""
    identity = _files(category).identity(root)
    folders = {
        split: root / "lsun" / f"{category}_{part}_lmdb" for split, part in DATABASES.items()
    }
    databases = {split: _database(folder) for split, folder in folders.items()}
    counts = {split: int(database.stat()["entries"]) for split, database in databases.items()}

    def photographs(split: str) -> Photographs:
        encoded = _values(folders[split], databases[split])
        return Photographs(encoded, np.zeros(counts[split], np.int64))

    try:
        dataset = EncodedSet(_name(category), identity, counts, photographs)
        return dataset.load(root, sizing)
    finally:
        for database in databases.values():
            database.close()


def _database(folder: Path) -> Any:
    try:
        import lmdb  # noqa: PLC0415 - an extra that this set alone needs
    except ImportError as error:
        raise BadInput(
            f"{folder}: reading LMDB databases needs the package lmdb; install it with "
            "pip install 'harness[lmdb]'"
        ) from error
    try:
        return lmdb.open(str(folder), readonly=True, lock=False, readahead=False, meminit=False)
    except lmdb.Error as error:
        raise read_error(folder, error) from error


def _values(folder: Path, database: Any) -> Iterator[Encoded]:
    with database.begin() as transaction:
        for key, value in transaction.cursor():
            yield f"{folder}:{key.decode(errors='replace')}", partial(bytes, value)


def _make(_: str, options: Mapping[str, str]) -> Source:
    sizing = Sizing.read("lsun", options, SIZE)
    category = options.get("category", "bedroom")
    if category not in CATEGORIES:
        raise BadInput(f"lsun: unknown category {category!r}{suggest(category, CATEGORIES)}")
    card = DatasetCard(
        title=f"LSUN ({category})",
        licence="none stated by its authors",
        citation="Yu et al. 2015, arXiv:1506.03365",
        classes=(category,),
    )
    return Source(
        card, partial(load, category, sizing), files=_files(category).pins, stored=_name(category)
    )


LSUN = DatasetFactory(_make, ("category", *sizing.OPTIONS))
