"""Which suites use a cell, and under which model names. A cell is found by what it is trained on,
and belongs to no single suite.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import AwareDatetime, TypeAdapter

from harness.core.keys import digest
from harness.tracking.unreadable import readable

USE = "harness.use."
USED_BY = "harness.used-by."
"""Before the id of a suite's run, the tag of cells that another suite made, to search for them."""
LAST_USE = "harness.last-use."
"""Of what was not trained: where suites have it, and when each had it there last."""


@dataclass(frozen=True)
class CellUse:
    """The use of a cell by the run of a suite, `parent`, under a model's name and with these
    sampling settings. Recipes that differ only in sampling share their cells.

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
    def from_json(cls, text: str) -> CellUse:
        """The inverse of `to_json`; what a newer version says besides is passed over."""
        return _USE.validate_json(text)


@dataclass(frozen=True)
class LastUse:
    """The last use of another program's images by the run of a suite, `parent`, at the time `at`:
    as images of `model` on a dataset, in the place of a seed.
    """

    parent: str
    model: str
    dataset: str
    seed: int
    at: AwareDatetime

    def to_tag(self) -> tuple[str, str]:
        """The tag that says so: one for each place."""
        place = {k: v for k, v in asdict(self).items() if k != "at"}
        return LAST_USE + digest(place)[:12], json.dumps(place | {"at": self.at.isoformat()})

    @classmethod
    def from_json(cls, text: str) -> LastUse:
        """What a tag says; what a newer version says besides is passed over."""
        return _LAST_USE.validate_json(text)


_USE, _LAST_USE = TypeAdapter(CellUse), TypeAdapter(LastUse)


def last_uses(tags: Mapping[str, str], run_id: str = "") -> tuple[LastUse, ...]:
    """Return the last uses that a run's tags have."""
    return tuple(readable(run_id, tags, LAST_USE, LastUse.from_json))


def uses(tags: Mapping[str, str], run_id: str = "") -> tuple[CellUse, ...]:
    """Return the uses that a cell's tags have, in the order of the tags."""
    cell_uses = list(readable(run_id, tags, USE, CellUse.from_json))
    if not cell_uses and "harness.model" in tags:
        cell_uses = [CellUse(tags.get("mlflow.parentRunId", ""), tags["harness.model"], None)]
    return tuple(cell_uses)
