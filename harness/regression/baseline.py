"""Baselines: the numbers of a suite, in a small file that lies beside the code it was made with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from harness.config.json_files import load_json
from harness.config.training_fraction import is_entrant
from harness.core.counting import counted_of
from harness.core.errors import BadInput
from harness.core.keys import digest
from harness.core.measurement import LARGEST, CellResult, Measurement
from harness.core.protocol import Protocol
from harness.plan import Cell, Plan
from harness.plan.identity import code_folders
from harness.tracking.environment import environment

FORMAT = 1
"""Raised with every change of the file's content that earlier versions cannot read."""

Seed = NonNegativeInt
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-LARGEST, le=LARGEST)]
Text = Annotated[str, Field(strict=True)]
PROTOCOL = TypeAdapter(Protocol)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BaselineOrigin(_Part):
    """When a baseline was saved, and by what."""

    date: Text
    harness: Text
    commit: Text
    machine: Text


class BaselineModel(_Part):
    """What trained under a name: the family, the version of its code, and every setting."""

    family: Text
    code: Text
    settings: dict[str, Any]


class _Pairing(_Part):
    """A model on a dataset."""

    dataset: Text
    model: Text


class TrainingKeys(_Pairing):
    """The training keys of a model on a dataset, by seed."""

    keys: dict[Seed, Text]


def _is_protocol(how: dict[str, Any]) -> dict[str, Any]:
    """The fields of a protocol as they are, of types that it can have."""
    try:
        Protocol(**PROTOCOL.validate_python(how).to_dict() | how)
    except (TypeError, ValidationError):
        raise ValueError("not the fields of a protocol") from None
    return how


class MetricNumbers(_Pairing):
    """What a metric said of a model on a dataset, by seed; `protocol` is a key of `protocols`.

    `failures` has the seeds without a number: how the cell ended, and why.
    """

    metric: Text
    protocol: Text
    values: dict[Seed, Number]
    failures: dict[Seed, Text]

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if not self.values and not self.failures:
            raise ValueError("neither values nor failures")
        if both := self.values.keys() & self.failures.keys():
            raise ValueError(f"seed {min(both)} has a value and failed")
        return self


class Baseline(_Part):
    """The content of a baseline file. `datasets` has the digests of the training images."""

    format: Literal[1] = 1
    checksum: Text
    suite: Text
    images: PositiveInt
    made: BaselineOrigin
    numerics: dict[str, Any]
    datasets: dict[str, Text]
    models: dict[str, BaselineModel]
    trained: tuple[TrainingKeys, ...]
    protocols: dict[str, Annotated[dict[str, Any], AfterValidator(_is_protocol)]]
    numbers: tuple[MetricNumbers, ...]

    @model_validator(mode="after")
    def _numbers_go_together(self) -> Self:
        seen = set()
        for numbers in self.numbers:
            name = f"{numbers.metric} of {numbers.model} on {numbers.dataset}"
            if numbers.protocol not in self.protocols:
                raise ValueError(f"{name}: there is no protocol {numbers.protocol!r} in the file")
            if name in seen:
                raise ValueError(f"{name} is there twice")
            seen.add(name)
        return self

    def keys(self, dataset: str, model: str) -> Mapping[int, str]:
        """The training keys of a model on a dataset, by seed."""
        return next((t.keys for t in self.trained if (t.dataset, t.model) == (dataset, model)), {})

    def protocol(self, numbers: MetricNumbers) -> Protocol:
        """How these numbers were measured."""
        return Protocol(**self.protocols[numbers.protocol])


def make_baseline(
    plan: Plan, results: Sequence[CellResult], besides: Sequence[Path] = ()
) -> Baseline:
    """A baseline of everything that a suite measures, apart from its floors and from points in
    training; `besides` is where results are written, which are no code. Raises BadInput where that
    is not all measured, or gave no number at all.
    """
    kept = [
        (cell, result)
        for cell, result in zip(plan.cells, results, strict=True)
        if is_entrant(cell.model)
    ]
    left = sum(_unfinished(cell, result) for cell, result in kept)
    name = plan.loaded.name
    if left:
        raise BadInput(
            f"{name}: {counted_of(left, len(kept), 'cell')} not measured yet; "
            "run the suite first, with the same options"
        )
    rows = [(cell, m) for cell, r in kept for m in _asked(cell, r) if m.status != "not applicable"]
    if all(m.value is None for _, m in rows):
        reason = next((r.reason or r.status for _, r in kept), "nothing applies")
        raise BadInput(f"no cell of {name} has a number to compare with: {reason}")
    models = {cell.model: cell for cell, _ in kept}
    draft = Baseline.model_validate({
        "checksum": "",
        "suite": name,
        "images": plan.loaded.suite.budget.images,
        "made": _made(plan, besides),
        "numerics": plan.numerics.to_dict(),
        "datasets": {name: d.train.digest() for name, d in plan.datasets.items()},
        "models": {model: model_of(cell) for model, cell in models.items()},
        "trained": _trained([cell for cell, _ in kept]),
        "protocols": {m.protocol.key(): m.protocol.to_dict() for _, m in rows},
        "numbers": _numbers(rows),
    })  # fmt: skip
    return draft.model_copy(update={"checksum": _checksum(draft.model_dump(mode="json"))})


def _asked(cell: Cell, result: CellResult) -> list[Measurement]:
    """What the suite asks for: not what people voted, which no run brings back."""
    wanted = {w.key for w in cell.planned_measurements}
    return [row for row in result.measurements if row.key in wanted]


def _unfinished(cell: Cell, result: CellResult) -> bool:
    return result.status == "missing" or len(_asked(cell, result)) < len(cell.planned_measurements)


def _made(plan: Plan, besides: Sequence[Path]) -> dict[str, str]:
    facts = environment(code_folders(plan), besides)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "harness": f"{facts['harness']} ({facts['harness commit']})",
        "commit": facts["commit"],
        "machine": plan.numerics.machine,
    }


def model_of(cell: Cell) -> BaselineModel:
    """What trains in a cell, whatever its dataset and seed."""
    if not cell.is_trained:  # its settings are where files are on this machine
        return BaselineModel(family=cell.family, code="", settings={})
    return BaselineModel(family=cell.family, code=cell.code, settings=cell.settings)


def _trained(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for cell in cells:
        found.setdefault((cell.dataset, cell.model), {})[str(cell.seed)] = cell.training_key
    return [{"dataset": d, "model": m, "keys": keys} for (d, m), keys in found.items()]


def _numbers(rows: Sequence[tuple[Cell, Measurement]]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for cell, row in rows:
        entry = found.setdefault(
            (cell.dataset, cell.model, row.metric),
            {
                "dataset": cell.dataset, "model": cell.model, "metric": row.metric,
                "protocol": row.protocol.key(), "values": {}, "failures": {},
            },
        )  # fmt: skip
        if row.value is not None:
            entry["values"][str(cell.seed)] = float(row.value)
        else:
            entry["failures"][str(cell.seed)] = f"{row.status}: {row.reason}"
    return list(found.values())


def _checksum(content: Mapping[str, Any]) -> str:
    return digest({name: value for name, value in content.items() if name != "checksum"})


def to_json(baseline: Baseline) -> str:
    """As text of a line for each model, protocol and row of numbers, so that a diff can be read."""
    content = baseline.model_dump(mode="json")
    parts = [f"  {json.dumps(name)}: {_lines(value)}" for name, value in content.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(value: object) -> str:
    def one(item: object) -> str:
        return json.dumps(item, ensure_ascii=False, allow_nan=False)

    if isinstance(value, dict):
        items = [f"{one(name)}: {one(item)}" for name, item in value.items()]
    elif isinstance(value, list | tuple):
        items = [one(item) for item in value]
    else:
        return one(value)
    first, last = "{}" if isinstance(value, dict) else "[]"
    return first + "\n    " + ",\n    ".join(items) + f"\n  {last}" if items else first + last


def load_baseline(path: Path) -> Baseline:
    """Read a baseline file. Raises SpecError, with the line, for one that was changed since it was
    saved, in whatever way, or that another version's format is in.
    """
    file = load_json(path)
    if (found := file.value.get("format")) != FORMAT:
        raise file.error(
            f"not a baseline of format {FORMAT}, which this harness reads "
            f"(its format is {found!r}); save it again with `harness baseline save`",
            ("format",),
        )
    baseline = file.check(Baseline)
    if baseline.checksum != _checksum(file.value):
        raise file.error(
            "the checksum does not fit the content, which was changed since it was saved; "
            "save it again with `harness baseline save`",
            ("checksum",),
        )
    return baseline
