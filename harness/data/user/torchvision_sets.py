"""`torchvision:CLASS`: images and labels of a class of `torchvision.datasets`, from files that are
on this machine. Nothing is downloaded.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from io import BytesIO
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.core.errors import FAILURES, BadInput, error_text, suggest
from harness.data.base import DatasetCard, Split
from harness.data.source import DatasetFactory, Source
from harness.data.user.encoded_images import EncodedImage, EncodedImages, EncodedSplit
from harness.data.user.image_options import OPTIONS, ImageOptions
from harness.data.user.layout import is_test
from harness.data.user.object_digest import digest_of_object
from harness.data.user.paths import check_argument, folder_at

CHOICES = ("root", "split", "test", "label")
TEST_SPLITS = ("test", "val", "valid", "validation")
"""Splits to test with, the first that the class has."""
OTHER_FORMS: Mapping[str, str] = {
    "LSUN": "write lsun[category=…]",
    "LSUNClass": "write lsun[category=…]",
    "DatasetFolder": "write folder:PATH",
}
"""Classes that are not used: LSUN's reads a pickle that anybody may have left beside the data."""
LABELS = ("targets", "labels", "_labels")
"""Attributes in which classes keep the label of each image."""
SAMPLES = ("samples", "_samples")
"""Attributes in which classes keep pairs of a file and its label."""


@dataclass(frozen=True)
class ClassRequest:
    """What a name asks for: a class by its name, the folder `root` that it gets, the values of its
    argument `split` to train on and to test with, and "none" where labels are not wanted.
    """

    kind: str
    root: str | None = None
    split: str | None = None
    test: str | None = None
    label: str | None = None

    @property
    def name(self) -> str:
        """As a suite writes it, without options."""
        return f"torchvision:{self.kind}"


@dataclass(frozen=True)
class ClassRows:
    """Rows of an object of the class: one split, or the part of it that is for training or for
    tests.
    """

    name: str
    images: Any
    rows: NDArray[np.int64]
    has_labels: bool

    def labels(self) -> NDArray[np.int64]:
        """The label of each row; 0 where labels are not wanted."""
        if not self.has_labels:
            return np.zeros(len(self.rows), np.int64)
        kept = _kept_labels(self.images)
        if kept is not None:
            return kept[self.rows]
        return np.array([self._row(int(row))[1] for row in self.rows], np.int64)

    def read(self) -> Iterator[EncodedImage]:
        """The image of each row, as the class gives it: its pixels alone."""
        for row in self.rows:
            image, _ = self._row(int(row))
            plain = image.copy()
            plain.info = {k: v for k, v in image.info.items() if k == "transparency"}
            content = BytesIO()
            try:
                plain.save(content, "PNG", compress_level=0)
            except OSError as error:
                raise BadInput(f"{self.name}, row {row}: pixels are {image.mode}") from error
            yield EncodedImage(f"{self.name}, row {row}", content.getvalue())

    def _row(self, row: int) -> tuple[Image.Image, int]:
        """An image and its label. Raises BadInput where the class gives something else."""
        try:
            item = self.images[row]
        except FAILURES as error:
            raise BadInput(
                f"{self.name}, row {row} cannot be read ({type(error).__name__}: "
                f"{error_text(error)})"
            ) from error
        first, second = item[:2] if isinstance(item, tuple) and len(item) > 1 else (item, None)
        if not isinstance(first, Image.Image):
            kind = type(first).__name__
            raise BadInput(f"{self.name} gives {kind} and no images; it cannot be used")
        if not self.has_labels:
            return first, 0
        try:
            return first, index(second)
        except (TypeError, RuntimeError, ValueError) as error:
            raise BadInput(
                f"{self.name}: a label is {type(second).__name__}, and a whole number is needed; "
                "label=none takes the images without classes"
            ) from error


@lru_cache(maxsize=2)
def open_class(request: ClassRequest, root: Path) -> dict[str, ClassRows]:
    """The rows to train on and to test with. Raises BadInput where the class finds no files, has
    no such split, or needs other arguments.
    """
    train, test = _splits(request, root)
    has_labels = request.label != "none"
    if test is not None:
        parts = {"train": train, "test": test}
        return {
            part: ClassRows(request.name, images, np.arange(len(images)), has_labels)
            for part, images in parts.items()
        }
    chosen = np.array([is_test(str(row)) for row in range(len(train))], np.bool_)
    rows = {"train": np.flatnonzero(~chosen), "test": np.flatnonzero(chosen)}
    return {part: ClassRows(request.name, train, of, has_labels) for part, of in rows.items()}


def label_names(request: ClassRequest, root: Path) -> tuple[str, ...]:
    """The names of the classes as torchvision has them, else the numbers of the labels."""
    if request.label == "none":
        return ("images",)
    parts = open_class(request, root)
    labels = np.concatenate([part.labels() for part in parts.values()])
    if len(labels) and labels.min() < 0:
        raise BadInput(
            f"{request.name}: a label is {labels.min()}, of an image without a class; take "
            "label=none"
        )
    images = parts["train"].images
    listed = getattr(images, "classes", None) or getattr(images, "categories", None) or ()
    names = [name[0] if isinstance(name, tuple) and name else name for name in listed]
    count = int(labels.max(initial=0)) + 1
    is_named = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    return tuple(names) if is_named and len(names) >= count else tuple(map(str, range(count)))


def load_class(request: ClassRequest, options: ImageOptions, root: Path) -> tuple[Split, Split]:
    """The train and the test split, prepared once below `root`. Raises BadInput."""
    parts = open_class(request, root)
    folder = _folder(request, root)
    splits = {name: EncodedSplit(part.labels(), part.read) for name, part in parts.items()}
    content: dict[str, object] = {
        name: [digest_of_object(part.images, folder), len(part.rows)]
        for name, part in parts.items()
    }
    content["label"] = request.label
    stored = f"torchvision-{request.kind}"
    return EncodedImages(request.name, stored, content, splits).load(root, options)


def _kept_labels(images: Any) -> NDArray[np.int64] | None:
    """The labels in an attribute, so that no image is decoded for them; None where none has as
    many whole numbers as there are images.
    """
    lists = [getattr(images, name, None) for name in LABELS]
    for name in SAMPLES:
        pairs = getattr(images, name, None)
        if isinstance(pairs, list) and all(isinstance(p, tuple) and len(p) == 2 for p in pairs):
            lists.append([label for _, label in pairs])
    for values in lists:
        if values is None:
            continue
        try:
            array = np.asarray(values)
        except (ValueError, TypeError):
            continue
        if array.shape == (len(images),) and np.issubdtype(array.dtype, np.integer):
            return array.astype(np.int64)
    return None


def _splits(request: ClassRequest, root: Path) -> tuple[Any, Any | None]:
    """Objects of the class to train on and to test with; None where one serves for both."""
    names = _parameters(_find_class(request.kind))
    build = partial(_build, request, root)
    if "train" in names:
        split = {"split": request.split} if request.split and "split" in names else {}
        if request.test or (request.split and not split):
            raise BadInput(f"{request.name} has its own images to train on and to test with")
        return build({"train": True, **split}), build({"train": False, **split})
    if "split" not in names:
        if request.split or request.test:
            raise BadInput(f"{request.name} has no splits: leave out split= and test=")
        return build({}), None
    default = names["split"].default
    usual = [default] if isinstance(default, str) else []
    train = _first(build, [request.split] if request.split else ["train", *usual])
    if request.test:
        return train, _first(build, [request.test])
    try:
        return train, _first(build, [name for name in TEST_SPLITS if name != request.split])
    except _UnknownSplit:
        return train, None


class _UnknownSplit(BadInput):
    """The class has no split of that name."""


def _first(build: Any, names: list[str]) -> Any:
    """The object of the first split in `names` that the class has."""
    for name in names[:-1]:
        try:
            return build({"split": name})
        except _UnknownSplit:
            continue
    return build({"split": names[-1]})


def _build(request: ClassRequest, root: Path, arguments: Mapping[str, object]) -> Any:
    """An object of the class, of files that are there."""
    kind = _find_class(request.kind)
    names = _parameters(kind)
    folder = _folder(request, root)
    given = {"root": str(folder), **arguments} if "root" in names else dict(arguments)
    needed = [n for n, p in names.items() if p.default is p.empty and n not in given]
    if needed == ["split"]:
        given |= {"split": ""}  # the class says which it has
    elif needed:
        raise BadInput(f"{request.name} needs {needed[0]!r} too, and cannot be used by name")
    try:
        return kind(**given)
    except FAILURES as error:
        text = error_text(error)
        if isinstance(error, ValueError) and "for argument split" in text:
            values = text.partition("Valid values are ")[2].strip(" {}.")
            shown = given["split"] or "(none)"
            known = f"; known: {values}" if values else ""
            raise _UnknownSplit(f"{request.name}: no split {shown}{known}") from error
        raise BadInput(_reason(request, folder, given, error)) from error


def _reason(
    request: ClassRequest, folder: Path, given: Mapping[str, object], error: BaseException
) -> str:
    """What is wrong, and how the files are had where they are missing."""
    text = error_text(error)
    absent = "not found" in text.lower() or isinstance(error, FileNotFoundError)
    if not absent or isinstance(error, ImportError):
        return f"{request.name} cannot be loaded ({type(error).__name__}: {text})"
    line = f"{request.name}: {folder} has no files of it, as torchvision lays them out"
    if "download" not in _parameters(_find_class(request.kind)):
        return f"{line} ({text})"
    arguments = "".join(f", {name}={value!r}" for name, value in given.items() if name != "root")
    call = f"datasets.{request.kind}({str(folder)!r}{arguments}, download=True)"
    return f'{line}; get them once with: python -c "from torchvision import datasets; {call}"'


def _folder(request: ClassRequest, root: Path) -> Path:
    """The folder that the class gets: that of all datasets unless the name says another."""
    return (folder_at(request.root, root) if request.root else root).absolute()


def _find_class(name: str) -> Any:
    """The class. Raises BadInput, with the nearest name, where torchvision has none."""
    from torchvision import datasets  # noqa: PLC0415 - takes a second

    classes = [n for n in datasets.__all__ if isinstance(getattr(datasets, n), type)]
    if name in OTHER_FORMS:
        raise BadInput(f"torchvision:{name} is not used: {OTHER_FORMS[name]}")
    if name not in classes or name == "VisionDataset":
        folded = {known.casefold(): known for known in classes}
        exact = folded.get(name.casefold())
        hint = f"; did you mean {exact!r}?" if exact else suggest(name, classes)
        raise BadInput(f"torchvision:{name}: torchvision.datasets has no such class{hint}")
    return getattr(datasets, name)


def _parameters(kind: type) -> dict[str, inspect.Parameter]:
    """The parameters of a class by name, with those that its constructor passes on."""
    names: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        own = inspect.signature(base.__init__).parameters  # type: ignore[misc]
        plain = {
            name: each
            for name, each in own.items()
            if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
        }
        names = {**plain, **names}
        if not any(each.kind is each.VAR_KEYWORD for each in own.values()):
            break
    names.pop("self", None)
    return names


def _make(argument: str, options: Mapping[str, str]) -> Source:
    request = ClassRequest(argument, **{key: options[key] for key in CHOICES if key in options})
    _find_class(argument)
    if request.label not in (None, "none"):
        raise BadInput(f"{request.name}: label={request.label}; label=none is all there is")
    if request.root:
        check_argument(request.name, request.root)
    elif argument == "ImageFolder":
        raise BadInput(f"{request.name} needs root=FOLDER; or write folder:PATH")
    image_options = ImageOptions.read(request.name, options)
    card = DatasetCard(
        title=f"{argument}, as torchvision reads it",
        licence="stated by its authors, if anywhere",
        citation="none",
    )
    return Source(
        card,
        lambda root: load_class(request, image_options, root),
        lambda root: label_names(request, root),
        stored=f"torchvision-{argument}",
    )


TORCHVISION = DatasetFactory(
    _make, (*CHOICES, *OPTIONS), "CLASS", "images and labels of a class of torchvision.datasets"
)
