"""JSON files that people may have edited: read whole, with the line of whatever is wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.config.validate import check_kinds, explain_validation
from harness.config.yaml_files import MAX_DEPTH, MAX_DIGITS, Document, Keys, load_yaml, unprintable
from harness.core.errors import BadInput, SpecError
from harness.core.text_files import decode

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class JsonFile:
    """The mapping that a file holds (see `parse_json`), and the file to point at."""

    value: dict[str, Any]
    path: Path

    def check(self, model: type[Model]) -> Model:
        """The content as a `model`; SpecError with file and line where it is none."""
        try:
            made = model.model_validate(self.value)
        except ValidationError as error:
            raise explain_validation(error, self._document(), model) from None
        check_kinds(self.value, made, self.error)
        return made

    def error(self, message: str, keys: Keys = ()) -> SpecError:
        """An error about the value at `keys`, with its file and line."""
        return self._document().error(message, keys)

    def _document(self) -> Document:
        """With the places of values, which only an error asks for: JSON is YAML as well."""
        try:
            return load_yaml(self.path)
        except BadInput:  # too large for that, or indented with tabs
            return Document(self.value, self.path, {}, "")


def load_json(path: Path) -> JsonFile:
    """Read a JSON file whose top level is a mapping; SpecError with the line for other text."""
    try:
        text = decode(path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SpecError(f"not JSON: {error}", path) from None
    try:
        value = parse_json(text)
    except json.JSONDecodeError as error:
        raise SpecError(f"not JSON: {error.msg}", path, error.lineno) from None
    except ValueError as error:
        raise SpecError(str(error), path) from None
    if not isinstance(value, dict):
        raise SpecError("should be a mapping of keys to values", path, 1)
    return JsonFile(value, path)


def parse_json(text: str) -> Any:
    """The value of JSON text that anyone may have written.

    NaN, infinities and numbers too long to be meant, none of which can be computed with, read as
    the words that they are written as, so that a check of types refuses them. Raises ValueError for
    what is not JSON, for a key given twice, for text that cannot be encoded, and for what is nested
    more deeply than any file of the harness.
    """
    try:
        value = json.loads(
            text, parse_constant=str, parse_float=_finite, parse_int=_whole,
            object_pairs_hook=_distinct_keys,
        )  # fmt: skip
    except RecursionError:
        raise ValueError("nested too deeply") from None
    _check_depth_and_text(value)
    return value


def _finite(written: str) -> float | str:
    return number if abs(number := float(written)) < float("inf") else written


def _whole(written: str) -> int | str:
    return int(written) if len(written.lstrip("-")) <= MAX_DIGITS else written


def _distinct_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"key {key!r} is given twice")
        content[key] = value
    return content


def _check_depth_and_text(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [part for whole in level for part in _parts(whole)]
        if not level:
            return
    raise ValueError("nested too deeply")


def _parts(value: Any) -> list[Any]:
    if isinstance(value, str) and (sign := unprintable(value, "Cs")):
        raise ValueError(f"has the character {sign!r}, which is no text")
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    return value if isinstance(value, list) else []
