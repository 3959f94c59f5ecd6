"""`hf:NAME`: a dataset of the Hugging Face Hub, or one in a folder that its library can read.

The library is `datasets`, an extra. It reads tables; code that comes with a dataset is never run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import FAILURES, BadInput, error_text, suggest
from harness.core.optional_packages import load_optional
from harness.data.base import DatasetCard, Split
from harness.data.source import DatasetFactory, Source
from harness.data.user.encoded_images import EncodedImage, EncodedImages, EncodedSplit, numbered
from harness.data.user.image_options import OPTIONS, ImageOptions
from harness.data.user.layout import is_test

CHOICES = ("split", "test", "column", "label", "config", "revision")
TEST_SPLITS = ("test", "validation", "valid", "val")
"""Splits to test with, the first that there is."""


@dataclass(frozen=True)
class HubRequest:
    """What a name asks for: a dataset by its `path`, and what to take of it; None is for the usual.

    `split` and `test` are the splits to train on and to test with, `column` that of the images and
    `label` that of their classes.
    """

    path: str
    split: str | None = None
    test: str | None = None
    column: str | None = None
    label: str | None = None
    config: str | None = None
    revision: str | None = None

    @property
    def name(self) -> str:
        """As a suite writes it, without options."""
        return f"hf:{self.path}"


@dataclass(frozen=True)
class HubTable:
    """A dataset as the library has it: `parts` are its splits and, where one split serves for
    both, the rows of each; `column` has the images and `label` the classes, if there are any.
    """

    request: HubRequest
    parts: Mapping[str, tuple[Any, NDArray[np.int64]]]
    column: str
    label: str | None

    def images(self, name: str, labels: NDArray[np.int64]) -> EncodedSplit:
        """The images of a split, in the order of the rows, with their labels."""
        return EncodedSplit(labels, partial(self._read, name))

    def _read(self, name: str) -> Iterator[EncodedImage]:
        """Rows of one table after the other: each is an image as it was stored."""
        table, rows = self.parts[name]
        images = table.select_columns([self.column])  # no other column need be decoded
        for row in rows:
            value = images[int(row)][self.column]
            place = f"{self.request.name}, row {row} of {table.split}"
            if value is None:
                raise BadInput(f"{place}: no image")
            yield EncodedImage(place, value["bytes"] or Path(value["path"]).read_bytes())

    def labels(self) -> tuple[dict[str, NDArray[np.int64]], tuple[str, ...]]:
        """The labels of each part, and the names of the classes."""
        if self.label is None:
            parts = {name: np.zeros(len(rows), np.int64) for name, (_, rows) in self.parts.items()}
            return parts, ("images",)
        columns = {name: list(table[self.label]) for name, (table, _) in self.parts.items()}
        values = {
            name: [columns[name][row] for row in rows] for name, (_, rows) in self.parts.items()
        }
        feature = next(iter(self.parts.values()))[0].features[self.label]
        if names := getattr(feature, "names", None):
            return {n: self._known(v, len(names)) for n, v in values.items()}, tuple(names)
        together, classes = numbered(
            [v for part in values.values() for v in part], f"{self.request.name}: {self.label}"
        )
        cuts = np.cumsum([len(part) for part in values.values()])[:-1]
        return dict(zip(values, np.split(together, cuts), strict=True)), classes

    def _known(self, values: list[Any], classes: int) -> NDArray[np.int64]:
        odd = [v for v in values if not isinstance(v, int) or not 0 <= v < classes]
        if odd:
            raise BadInput(
                f"{self.request.name}: a label in {self.label} is {odd[0]}; the classes are 0 to "
                f"{classes - 1}, so images without a class cannot be used: take label=none"
            )
        return np.array(values, np.int64)


@lru_cache(maxsize=2)
def open_table(request: HubRequest, root: Path) -> HubTable:
    """The dataset, downloaded where it is not there yet. Raises BadInput where it cannot be had,
    and where splits or columns are others than the request's.
    """
    splits = _splits(request, root)
    train_name = _chosen(request, "split", request.split or "train", splits)
    test_name = request.test or next((n for n in TEST_SPLITS if n in splits), None)
    first = splits[train_name]
    column, label = _columns(request, first)
    tables = {"train": first}
    if test_name is not None and test_name != train_name:
        tables["test"] = splits[_chosen(request, "test", test_name, splits)]
    image = load_optional("datasets", "datasets", request.name).Image(decode=False)
    cast = {name: table.cast_column(column, image) for name, table in tables.items()}
    return HubTable(request, _parts(cast), column, label)


def _parts(tables: Mapping[str, Any]) -> dict[str, tuple[Any, NDArray[np.int64]]]:
    """The table of each part with its rows: a single table is split by the numbers of rows."""
    if "test" in tables:
        return {name: (table, np.arange(len(table))) for name, table in tables.items()}
    table = tables["train"]
    chosen = np.array([is_test(str(row)) for row in range(len(table))], np.bool_)
    return {"train": (table, np.flatnonzero(~chosen)), "test": (table, np.flatnonzero(chosen))}


def _splits(request: HubRequest, root: Path) -> Mapping[str, Any]:
    library = load_optional("datasets", "datasets", request.name)
    place = _local(request.path, root)
    with _quiet(library):
        try:
            if place and any((place / n).is_file() for n in ("dataset_dict.json", "state.json")):
                loaded = library.load_from_disk(str(place))
            else:
                loaded = library.load_dataset(
                    str(place or request.path),
                    request.config,
                    revision=None if place else request.revision,
                    cache_dir=str(root / "huggingface"),
                )
        except FAILURES as error:
            raise BadInput(f"{request.name}: {_reason(error)}") from error
    return loaded if isinstance(loaded, dict) else {str(loaded.split or "train"): loaded}


def _local(path: str, root: Path) -> Path | None:
    """The folder on this machine that a path names; None for a name of the Hub."""
    if path.startswith(("./", "../", "/", "~")):
        folder = Path(path).expanduser()
        if not folder.is_dir():
            raise BadInput(f"hf:{path}: {folder} is no folder")
        return folder.resolve()
    return root / path if (root / path).is_dir() else None


def _reason(error: BaseException) -> str:
    """What is wrong, and what would be right where that is known."""
    kind, line = type(error).__name__, error_text(error)
    if "gated" in line.lower():
        return f"{line}; accept its terms on the Hub and log in with `hf auth login`"
    if kind in ("ConnectionError", "OfflineModeIsEnabled", "LocalEntryNotFoundError"):
        return f"the Hub does not answer ({line}); what was loaded once is found without it"
    if kind == "DatasetNotFoundError":
        return f"{line}; write hf:OWNER/NAME, or the path of a folder as hf:./FOLDER"
    if "scripts are no longer supported" in line:
        return "it needs code of its own, which is never run; look for a version in Parquet files"
    if "Config name is missing" in line or "BuilderConfig" in line:
        return f"{line}; choose with config=NAME"
    return f"cannot be loaded ({kind}: {line})"


def _chosen(request: HubRequest, option: str, name: str, splits: Mapping[str, Any]) -> str:
    if name in splits:
        return name
    raise BadInput(f"{request.name}: {option}={name}: no such split{suggest(name, splits)}")


def _columns(request: HubRequest, table: Any) -> tuple[str, str | None]:
    """The column of images and that of labels; the only ones there are, where none is named."""
    kinds = {name: type(feature).__name__ for name, feature in table.features.items()}
    images = [name for name, kind in kinds.items() if kind == "Image"]
    column = request.column or (images[0] if len(images) == 1 else "")
    if column not in images:
        listed = ", ".join(images) or "none"
        of_other = f"{column} is none" if column else f"it has {len(images)}"
        raise BadInput(
            f"{request.name}: one column of images is needed, and {of_other}; columns of images: "
            f"{listed}. Choose with column=NAME"
        )
    classes = [name for name, kind in kinds.items() if kind == "ClassLabel"]
    if request.label == "none":
        return column, None
    label = request.label or (classes[0] if len(classes) == 1 else None)
    if label is not None and label not in kinds:
        raise BadInput(f"{request.name}: has no column {label!r}{suggest(label, kinds)}")
    return column, label


def load_hub(request: HubRequest, options: ImageOptions, root: Path) -> tuple[Split, Split]:
    """The train and the test split, prepared once below `root`. Raises BadInput."""
    table = open_table(request, root)
    labels, _ = table.labels()
    content = {name: [part._fingerprint, len(rows)] for name, (part, rows) in table.parts.items()}
    content["columns"] = [table.column, table.label]
    splits = {name: table.images(name, labels[name]) for name in table.parts}
    stored = f"hf-{request.path.strip('./~')}"
    return EncodedImages(request.name, stored, content, splits).load(root, options)


@contextmanager
def _quiet(library: Any) -> Iterator[None]:
    """The library without its progress bars and notes."""
    had_bars = not library.are_progress_bars_disabled()
    verbosity = library.logging.get_verbosity()
    library.disable_progress_bars()
    library.logging.set_verbosity(logging.ERROR)
    try:
        yield
    finally:
        library.logging.set_verbosity(verbosity)
        if had_bars:
            library.enable_progress_bars()


def _make(argument: str, options: Mapping[str, str]) -> Source:
    request = HubRequest(argument, **{key: options[key] for key in CHOICES if key in options})
    image_options = ImageOptions.read(request.name, options)
    card = DatasetCard(
        title=f"{request.name}, a dataset of the Hugging Face Hub or in its format",
        licence="stated on the dataset's page, if anywhere",
        citation="none",
    )
    return Source(
        card,
        lambda root: load_hub(request, image_options, root),
        lambda root: open_table(request, root).labels()[1],
        stored=f"hf-{request.path.strip('./~')}",
    )


HUB = DatasetFactory(
    _make, (*CHOICES, *OPTIONS), "NAME", "images of the Hugging Face Hub, by its library"
)
