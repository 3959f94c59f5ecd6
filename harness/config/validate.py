"""pydantic's findings as one line that says where in the file, what, and what would be right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from harness.config.value_types import mistaken
from harness.config.yaml_files import Document, Keys
from harness.core.errors import BadInput, all_of, suggest

Model = TypeVar("Model", bound=BaseModel)

MOST_READ = 100
"""Findings that are put into words. A file may have tens of thousands; a few are told."""


def validate_document(model: type[Model], document: Document) -> Model:
    """The document as a `model`; SpecError with file and line where it is none."""
    try:
        made = model.model_validate(document.value)
    except ValidationError as error:
        raise explain_validation(error, document, model) from None
    check_kinds(document.value, made, document.error)
    return made


def check_kinds(written: object, made: object, error: Callable[[str, Keys], BadInput]) -> None:
    """Raise `error` of each value that was written as another kind than it is taken for, which
    pydantic lets pass: `true` is not 1, nor the text `"0400"` 400.
    """
    wrong = list(mistaken(written, made))
    if wrong:
        raise all_of([error(f"{_dotted(keys)}: {text}", keys) for keys, text in wrong])


def explain_validation(
    error: ValidationError, document: Document, model: type[BaseModel] | None = None
) -> BadInput:
    """All findings in one line.

    An unknown key comes before all else, since a missing one is often the same key misspelt, and
    is not told then; `model` is what was validated, and gives the right spellings.
    """
    findings = sorted(error.errors(), key=lambda finding: _rank(finding, document))
    sentences = dict.fromkeys(
        (_sentence(finding, model), _written(finding["loc"]))
        for finding in findings[:MOST_READ]
        if not _is_misspelt(finding, findings[:MOST_READ], model)
    )
    unread = max(0, len(findings) - MOST_READ)
    return all_of([document.error(*finding) for finding in sentences], unread)


def _is_misspelt(
    finding: ErrorDetails, findings: Sequence[ErrorDetails], model: type[BaseModel] | None
) -> bool:
    """Whether a key is missing that an unknown key beside it is taken for."""
    if finding["type"] != "missing":
        return False
    *parents, name = finding["loc"]
    beside = [f for f in findings if f["type"] == "extra_forbidden" and [*f["loc"][:-1]] == parents]
    return any(f"did you mean {name!r}?" in _sentence(other, model) for other in beside)


def _rank(finding: ErrorDetails, document: Document) -> tuple[bool, int]:
    return finding["type"] != "extra_forbidden", document.place(_written(finding["loc"])).line


def _is_tag(key: str | int) -> bool:
    """Whether it names a member of a union, as `<equivalence>` does, and no key of the file."""
    return isinstance(key, str) and key.startswith("<")


def _written(loc: Keys) -> Keys:
    """The keys of a place as a file has them: without the members of unions that they lead into."""
    return tuple(key for key in loc if not _is_tag(key))


def _sentence(finding: ErrorDetails, model: type[BaseModel] | None) -> str:
    *parents, last = finding["loc"] or ("",)
    where = _dotted(_written(finding["loc"]))
    if finding["type"] == "extra_forbidden":
        inside = model and _model_at(model, tuple(parents))
        near = suggest(str(last), inside.model_fields) if inside else ""
        return f"unknown key {where!r}{near}"
    if finding["type"] == "missing":
        return f"key {where!r} is missing"
    message = finding["msg"].removeprefix("Value error, ").replace("Input should", "should")
    value = finding["input"]
    written = "" if isinstance(value, dict | list | tuple) else f"{_short(value)}: "
    return f"{where}: {written}{message}" if where else message


def _dotted(keys: Keys) -> str:
    """`claims[0].metric`."""
    parts = (f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return "".join(parts).removeprefix(".")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _model_at(model: type[BaseModel], keys: Keys) -> type[BaseModel] | None:
    """The model of the value at `keys` within a `model`."""
    inner: type[BaseModel] | None = model
    annotation: Any = model
    for key in keys:
        if isinstance(key, int):  # an element: the list's annotation has led to its model already
            continue
        if _is_tag(key):
            annotation = _tagged(annotation, key)
        else:
            field = inner.model_fields.get(key) if inner else None
            annotation = field.annotation if field else None
        inner = _model_in(annotation)
    return inner


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    members = (_model_in(argument) for argument in get_args(annotation))
    return next((model for model in members if model), None)


def _tagged(annotation: Any, tag: str) -> Any:
    """The member of a union, somewhere in an annotation, that has the tag."""
    arguments = get_args(annotation)
    if any(isinstance(metadata, Tag) and metadata.tag == tag for metadata in arguments):
        return arguments[0]
    members = (_tagged(argument, tag) for argument in arguments)
    return next((member for member in members if member is not None), None)
