"""Which suites have a cell, and under which names: a cell is found by what it is trained on, and
belongs to no one suite.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from harness.keys import digest
from harness.tracking.unreadable import readable

USE = "harness.use."
USED_BY = "harness.used-by."
"""Before the id of a suite's run, the tag of cells that another suite made, to search for them."""


@dataclass(frozen=True)
class Use:
    """That the run of a suite, `parent`, has a cell under a model's name, with its samples drawn by
    these settings. Recipes that differ only in how they sample share their cells.

    Runs of versions that did not record it have None for `sampling`.
    """

    parent: str
    model: str
    sampling: Mapping[str, Any] | None

    @property
    def tag(self) -> str:
        """The name of the tag that says so."""
        return USE + digest(asdict(self))[:12]

    def to_json(self) -> str:
        """The tag's value."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Use:
        """The inverse of `to_json`; what a newer version says besides is passed over."""
        values = json.loads(text)
        parent, model, sampling = values["parent"], values["model"], values["sampling"]
        if not (isinstance(parent, str) and isinstance(model, str)):
            raise ValueError("parent and model are no text")
        if not (sampling is None or isinstance(sampling, dict)):
            raise ValueError(f"sampling {sampling!r} is no mapping")
        return cls(parent, model, sampling)


def uses(tags: Mapping[str, str], run_id: str = "") -> tuple[Use, ...]:
    """The uses that a cell's tags tell, in the order of their tags."""
    found = list(readable(run_id, tags, USE, Use.from_json))
    if not found and "harness.model" in tags:
        found = [Use(tags.get("mlflow.parentRunId", ""), tags["harness.model"], None)]
    return tuple(found)
