"""The file of a baseline: the numbers of a suite, to be kept beside the code that made them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    ValidationError,
    model_serializer,
    model_validator,
)

from harness.config.json_files import load_json
from harness.core.keys import digest
from harness.core.measurement import LARGEST
from harness.core.protocol import Protocol

FORMAT = 1
"""Increased with every change of the file that earlier versions cannot read."""

Seed = NonNegativeInt
Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-LARGEST, le=LARGEST)]
Text = Annotated[str, Field(strict=True)]
PROTOCOL = TypeAdapter(Protocol)


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BaselineOrigin(_Record):
    """When a baseline was saved, and by what."""

    date: Text
    harness: Text
    commit: Text
    machine: Text


class BaselineModel(_Record):
    """A model as it was trained: its family, the version of the code, and all settings."""

    family: Text
    code: Text
    settings: dict[str, Any]


class _ModelOnDataset(_Record):
    """A model on a dataset."""

    dataset: Text
    model: Text


class TrainingKeys(_ModelOnDataset):
    """The training keys of a model on a dataset, by seed."""

    keys: dict[Seed, Text]


def _checked_protocol(fields: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields unchanged. Raises ValueError where they are not a protocol's."""
    try:
        Protocol(**PROTOCOL.validate_python(fields).to_dict() | fields)
    except (TypeError, ValidationError):
        raise ValueError("not the fields of a protocol") from None
    return fields


class MetricNumbers(_ModelOnDataset):
    """The values of a metric of a model on a dataset, by seed. `protocol` is a key of
    `Baseline.protocols`. `failures` has status and reason of the seeds without a value.
    """

    metric: Text
    protocol: Text
    values: dict[Seed, Number]
    failures: dict[Seed, Text]

    @model_validator(mode="after")
    def _values_or_failures(self) -> Self:
        if not self.values and not self.failures:
            raise ValueError("neither values nor failures")
        if both := self.values.keys() & self.failures.keys():
            raise ValueError(f"seed {min(both)} has a value and failed")
        return self


class Baseline(_Record):
    """The content of a baseline file. `images` is the budget in training images, `budgets` has the
    budgets of datasets that have their own. `datasets` has the digests of the training images.
    """

    format: Literal[1] = 1
    checksum: Text
    suite: Text
    images: PositiveInt
    budgets: dict[str, PositiveInt] = Field(default_factory=dict)
    made: BaselineOrigin
    numerics: dict[str, Any]
    datasets: dict[str, Text]
    models: dict[str, BaselineModel]
    trained: tuple[TrainingKeys, ...]
    protocols: dict[str, Annotated[dict[str, Any], AfterValidator(_checked_protocol)]]
    numbers: tuple[MetricNumbers, ...]

    @model_validator(mode="after")
    def _numbers_are_consistent(self) -> Self:
        names = set()
        for numbers in self.numbers:
            name = f"{numbers.metric} of {numbers.model} on {numbers.dataset}"
            if numbers.protocol not in self.protocols:
                raise ValueError(f"{name}: there is no protocol {numbers.protocol!r} in the file")
            if name in names:
                raise ValueError(f"{name} is there twice")
            names.add(name)
        return self

    @model_serializer(mode="wrap")
    def _without_empty_budgets(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The fields, without `budgets` where it is empty, as in files of earlier versions."""
        values: dict[str, Any] = handler(self)
        return {name: value for name, value in values.items() if value or name != "budgets"}

    def images_on(self, dataset: str) -> int:
        """Returns the budget on a dataset, in training images."""
        return self.budgets.get(dataset, self.images)

    def keys(self, dataset: str, model: str) -> Mapping[int, str]:
        """Returns the training keys of a model on a dataset, by seed."""
        return next((t.keys for t in self.trained if (t.dataset, t.model) == (dataset, model)), {})

    def protocol(self, numbers: MetricNumbers) -> Protocol:
        """Returns how these numbers were measured."""
        return Protocol(**self.protocols[numbers.protocol])


def checksum_of(content: Mapping[str, Any]) -> str:
    """Returns the digest of a baseline's content without its checksum."""
    return digest({name: value for name, value in content.items() if name != "checksum"})


def to_json(baseline: Baseline) -> str:
    """Writes a baseline as JSON with one line for each model, protocol and row of numbers, so that
    a diff of two files can be read.
    """
    content = baseline.model_dump(mode="json")
    parts = [f"  {json.dumps(name)}: {_lines(value)}" for name, value in content.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(value: object) -> str:
    def line(item: object) -> str:
        return json.dumps(item, ensure_ascii=False, allow_nan=False)

    if isinstance(value, dict):
        items = [f"{line(name)}: {line(item)}" for name, item in value.items()]
    elif isinstance(value, list | tuple):
        items = [line(item) for item in value]
    else:
        return line(value)
    first, last = "{}" if isinstance(value, dict) else "[]"
    return first + "\n    " + ",\n    ".join(items) + f"\n  {last}" if items else first + last


def load_baseline(path: Path) -> Baseline:
    """Reads a baseline file. Raises SpecError (a BadInput), with the line, for a file that was
    changed since it was saved, and for one in the format of another version.
    """
    file = load_json(path)
    if (format_ := file.value.get("format")) != FORMAT:
        raise file.error(
            f"not a baseline of format {FORMAT}, which this harness reads "
            f"(its format is {format_!r}); save it again with `harness baseline save`",
            ("format",),
        )
    baseline = file.check(Baseline)
    if baseline.checksum != checksum_of(file.value):
        raise file.error(
            "the checksum does not fit the content, which was changed since it was saved; "
            "save it again with `harness baseline save`",
            ("checksum",),
        )
    return baseline
