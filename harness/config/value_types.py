"""Values that were written as another kind than they are taken for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

Keys = tuple[str | int, ...]
_WORDS = {"0", "1", "true", "false", "t", "f", "yes", "no", "y", "n", "on", "off"}
"""The texts that pydantic takes for true or false."""


def mistaken(written: object, made: object, keys: Keys = ()) -> Iterator[tuple[Keys, str]]:
    """The values in `written` that validation made another kind of, each with what is wrong.

    pydantic takes `true` for 1, 1 for true, and text for the number that it looks like. What a
    type makes of its values on purpose is not meant: a range of text may well become seeds.
    """
    if isinstance(written, Mapping):
        for name, value in written.items():
            yield from mistaken(value, _part(made, name), (*keys, name))
    elif isinstance(written, list | tuple):
        parts = made if isinstance(made, list | tuple) and len(made) == len(written) else ()
        for index, (value, part) in enumerate(zip(written, parts, strict=False)):
            yield from mistaken(value, part, (*keys, index))
    elif mistake := _mistake(written, made):
        yield keys, mistake


def _part(made: object, name: object) -> object:
    if isinstance(made, BaseModel):
        names = {field.alias or key: key for key, field in type(made).model_fields.items()}
        return getattr(made, names.get(str(name), str(name)), None)
    return made.get(name) if isinstance(made, Mapping) else None


def _mistake(written: object, made: object) -> str:
    if isinstance(made, bool):
        taken = isinstance(written, int | float) and not isinstance(written, bool)
        taken = taken or (isinstance(written, str) and written.lower() in _WORDS)
        return f"{written!r}: should be true or false" if taken else ""
    if not isinstance(made, int | float):
        return ""
    if isinstance(written, bool):
        return f"{str(written).lower()}: should be a number"
    if isinstance(written, str) and _reads_as(written, made):
        return f"{written!r}: should be a number, without quotes and leading zeros"
    return ""


def _reads_as(text: str, number: float) -> bool:
    try:
        return float(text) == number
    except ValueError:
        return False
