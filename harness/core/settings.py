"""The base of all settings that a recipe can name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

LARGEST_SETTING = 10**12


class Settings(BaseModel):
    """Unknown keys are errors, values do not change, and no whole number is absurdly large."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _of_this_world(self) -> Self:
        for name, value in self:
            if isinstance(value, int) and abs(value) > LARGEST_SETTING:
                raise ValueError(f"{name} is {value:,}, and no model has that many of anything")
        return self


def kind_of(settings: Any, default: str) -> str:
    """The `kind` of settings, as a recipe writes them or as they were read."""
    if isinstance(settings, Mapping):
        return str(settings.get("kind", default))
    return str(getattr(settings, "kind", default))


def _require_kind(schema: dict[str, Any]) -> None:
    schema["required"] = [*schema.get("required", ()), "kind"]


NAMED_KIND = ConfigDict(json_schema_extra=_require_kind)
"""Of settings among whose kinds another is the default: a recipe must name this one."""
