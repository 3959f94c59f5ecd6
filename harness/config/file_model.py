"""The base of what a suite, a file of claims or of quoted numbers is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class FileModel(BaseModel):
    """A mapping of a file: unknown keys are errors, values do not change, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def as_list(value: object) -> object:
    """Return a list of one text in place of the text, and any other value as it is."""
    return [value] if isinstance(value, str) else value
