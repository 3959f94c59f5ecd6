"""Settings whose values are the keys of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, eq=False)
class KeyOf:
    """Makes pydantic take the keys of `table` and nothing else: `Annotated[str, KeyOf(LOSSES)]`.

    A new entry of the table is thereby a new value of the setting, in its JSON Schema too.
    """

    table: Mapping[str, Any]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.literal_schema(list(self.table))
