"""Classes of the images in a folder, from its `metadata.jsonl`."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import torch

from harness.core.counting import counted_of
from harness.core.errors import BadInput
from harness.data.captions import FILE, json_rows
from harness.data.image_arrays import MAX_CLASSES

NAME = "metadata.jsonl"


def load_labels(file: Path, names: Sequence[str]) -> torch.Tensor | None:
    """The `label` of each of `names`, int64, in their order; None where no line has one.

    The file has an object `{"file_name": …, "label": 3}` a line, as the Hugging Face hub's image
    folders do. Raises BadInput with the line where a label is no whole number from 0 up or is given
    twice, and where an image has none although others do.
    """
    labels: dict[str, int] = {}
    for line, row in json_rows(file):
        if "label" not in row:
            continue
        name = next((row[key] for key in FILE if key in row), None)
        label = row["label"]
        if type(label) is not int or not 0 <= label < MAX_CLASSES:
            raise BadInput(f"{file}:{line}: label is {label!r}; a whole number from 0 up is needed")
        if not isinstance(name, str) or unicodedata.normalize("NFC", name) in labels:
            why = "has a label already" if isinstance(name, str) else "is no file name"
            raise BadInput(f"{file}:{line}: {name!r} {why}")
        labels[unicodedata.normalize("NFC", name)] = label
    if not labels:
        return None
    files = [unicodedata.normalize("NFC", name) for name in names]
    if missing := [name for name in files if name not in labels]:
        raise BadInput(
            f"{file}: {counted_of(len(missing), len(names), 'image')} without a label, "
            f"such as {missing[0]}"
        )
    return torch.tensor([labels[name] for name in files], dtype=torch.int64)
