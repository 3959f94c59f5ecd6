"""JSON files that people may have edited: read whole, with the line of whatever is wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from harness.spec.errors import BadInput, SpecError
from harness.spec.textfile import decode
from harness.spec.validate import check_kinds, explain
from harness.spec.yamlfile import Document, Keys, load_yaml

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class JsonFile:
    """The mapping that a file holds, and the file to point at. NaN, which JSON has no word for,
    reads as that word, so that no number is taken for one.
    """

    value: dict[str, Any]
    path: Path

    def check(self, model: type[Model]) -> Model:
        """The content as a `model`; SpecError with file and line where it is none."""
        try:
            made = model.model_validate(self.value)
        except ValidationError as error:
            raise explain(error, self._document(), model) from None
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
        value = json.loads(text, parse_constant=str)
    except json.JSONDecodeError as error:
        raise SpecError(f"not JSON: {error.msg}", path, error.lineno) from None
    except RecursionError:
        raise SpecError("nested too deeply", path) from None
    if not isinstance(value, dict):
        raise SpecError("should be a mapping of keys to values", path, 1)
    return JsonFile(value, path)
