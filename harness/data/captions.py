"""The captions that belong to a set of images."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.config.json_files import parse_json
from harness.core.counting import counted, counted_of
from harness.core.errors import BadInput, first_three

FILE, CAPTION = ("file", "file_name"), ("caption", "text")
"""What a file's name and its caption may be called."""

Row = tuple[int, str, str]
"""Line number (from 1), file, caption."""


def load_captions(path: Path, names: Sequence[str], several: bool = False) -> list[str]:
    """Return the caption of each of `names`, in their order, from a UTF-8 file.

    A `.csv` has columns `file` and `caption`, named in its first line; a `.jsonl` has an object
    `{"file": …, "caption": …}` on each line. `file_name` and `text`, as in a `metadata.jsonl` of
    the Hugging Face hub, mean the same. Other columns and fields are ignored, and so are captions
    of files that are not in `names`. Only with `several` may a file have several captions; the
    first counts.

    Raises BadInput with the line where the file is wrong, where a caption is empty or given twice,
    and where an image has none.
    """
    if path.suffix.lower() not in READERS:
        raise BadInput(f"{path}: captions are read from a .csv or a .jsonl")
    captions: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, written, caption in READERS[path.suffix.lower()](path):
        file = unicodedata.normalize("NFC", written)
        if not caption.strip():
            raise BadInput(f"{path}:{line}: the caption of {file!r} is empty")
        if file in captions:
            if several:
                continue
            raise BadInput(f"{path}:{line}: {file!r} has a caption on line {lines[file]} already")
        captions[file], lines[file] = caption, line
    files = [unicodedata.normalize("NFC", name) for name in names]
    if missing := [name for name in files if name not in captions]:
        raise BadInput(
            f"{path}: {counted_of(len(missing), len(names), 'image')} without a caption: "
            f"{first_three(missing)} (of {counted(len(captions), 'file')} with one)"
        )
    return [captions[name] for name in files]


def list_captions(path: Path) -> list[str]:
    """Return all captions of a UTF-8 file in its order: a `.csv` or `.jsonl` as `load_captions`
    reads them, or a `.txt` with one on each line.

    Raises BadInput, with the line, where the file is wrong or a caption is empty.
    """
    if path.suffix.lower() == ".txt":
        lines = read_text(path).removesuffix("\n").split("\n")
        rows: list[Row] = [(line, "", text.strip()) for line, text in enumerate(lines, 1)]
    elif reader := READERS.get(path.suffix.lower()):
        rows = list(reader(path))
    else:
        raise BadInput(f"{path}: captions are read from a .txt, a .csv or a .jsonl")
    if empty := next((line for line, _, caption in rows if not caption.strip()), 0):
        raise BadInput(f"{path}:{empty}: the caption is empty")
    return [caption for _, _, caption in rows]


def read_text(path: Path) -> str:
    """A UTF-8 file; BadInput, with the line, for anything else."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{path}:{line}: not UTF-8") from error


def json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a UTF-8 file with one on each line, and their line numbers from 1; of a line
    with another value {}. Raises BadInput, with the line, for what is not JSON.
    """
    for line, written in enumerate(read_text(path).split("\n"), 1):
        if not written.strip():
            continue
        try:
            row = parse_json(written)
        except ValueError as error:
            raise BadInput(f"{path}:{line}: not JSON ({error})") from error
        yield line, row if isinstance(row, dict) else {}


def _csv_rows(path: Path) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        columns = [_column(path, header, names) for names in (FILE, CAPTION)]
        end = reader.line_num
        for row in reader:
            line, end = end + 1, reader.line_num  # a quoted caption may span lines
            if not row:
                continue
            if len(row) != len(header):
                raise BadInput(
                    f"{path}:{line}: {counted(len(row), 'value')}, but the first line "
                    f"names {len(header)}; "
                    "a caption with a comma needs quotes"
                )
            yield line, row[columns[0]], row[columns[1]]
    except csv.Error as error:
        raise BadInput(f"{path}:{reader.line_num}: {error}") from error


def _column(path: Path, header: list[str], names: tuple[str, str]) -> int:
    places = [place for place, name in enumerate(header) if name in names]
    if len(places) != 1:
        raise BadInput(f"{path}:1: the first line names {header}; file and caption are needed once")
    return places[0]


def _jsonl_rows(path: Path) -> Iterator[Row]:
    for line, row in json_rows(path):
        file, caption = (
            next((row[name] for name in names if name in row), None) for names in (FILE, CAPTION)
        )
        if not isinstance(file, str) or not isinstance(caption, str):
            raise BadInput(f'{path}:{line}: {{"file": "…", "caption": "…"}} is needed')
        yield line, file, caption


READERS = {".csv": _csv_rows, ".jsonl": _jsonl_rows}
"""How rows are read, by the file's suffix."""
