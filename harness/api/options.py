"""The keywords of calls from Python: the options of the shell, under the same names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict, get_type_hints

from pydantic import NonNegativeInt, PositiveInt, TypeAdapter, ValidationError

from harness.api.images import Images, LabelledImages
from harness.cli import options
from harness.cli.suite_options import ComputeOptions, StoreOptions
from harness.config.suite_types import Accelerate, MemoryFormat, Precision
from harness.core.errors import BadInput, suggest
from harness.core.output_folder import default_output
from harness.families.pretrained.settings import Latent, ValueRange

AS_GIVEN = ("train",)
"""Keywords whose values are images; they are checked with the other images of a call."""


class StoreKeywords(TypedDict, total=False):
    """Where results are: the folder and the MLflow store, as `--output` and `--tracking-uri`."""

    output: str | Path
    tracking_uri: str


class PlaceKeywords(StoreKeywords, total=False):
    """The device, and where data and results are."""

    device: str
    data_root: str | Path


class ScoreKeywords(PlaceKeywords, total=False):
    """All that `harness.score` takes by name beside metrics, number of samples and seed. Names and
    meanings are the same as in `harness score --help`; `arguments` is `--argument`.
    """

    train: Images | LabelledImages
    pairs: bool
    draws: bool
    captions: str | Path | Sequence[str]
    name: str
    resize: int | str
    extractor: str
    perceptual: str
    text: str
    profile: str
    y_channel: bool
    crop_border: int
    kid_subset_size: int
    classes: NonNegativeInt
    value_range: ValueRange
    latent: PositiveInt | Sequence[PositiveInt]
    latent_distribution: Latent
    images_at_once: PositiveInt
    arguments: Mapping[str, bool | int | float | str]
    trust_remote_code: bool


class ScoreArguments(ScoreKeywords, total=False):
    """The same with metrics, number of samples and seed: all but the images or the model."""

    metrics: str | Sequence[str]
    n: NonNegativeInt
    seed: NonNegativeInt


class SuiteKeywords(PlaceKeywords, total=False):
    """What a call changes in a suite, and where it runs: the options of `harness run`."""

    seeds: str | Sequence[int]
    models: str | Sequence[str]
    datasets: str | Sequence[str]
    metrics: str | Sequence[str]
    budget: int
    budget_scale: float
    extractor: str
    perceptual: str
    accelerate: Accelerate
    precision: Precision
    memory_format: MemoryFormat
    processes: int


def check_keywords(kind: type[Any], keywords: Mapping[str, Any], verb: str) -> dict[str, Any]:
    """The keywords of a call with values of their types. Raises BadInput for one that is unknown,
    and for a wrong value.
    """
    hints = get_type_hints(kind, include_extras=True)
    values: dict[str, Any] = {}
    for name, value in keywords.items():
        if name not in hints:
            raise BadInput(f"{verb}: there is no keyword {name!r}{suggest(name, hints)}")
        is_plain = value is not None and name not in AS_GIVEN
        values[name] = _validated(verb, name, value, hints[name]) if is_plain else value
    return values


def _validated(verb: str, name: str, value: object, hint: Any) -> Any:
    """The value of a keyword. Raises BadInput where it is of another type than the keyword's."""
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].replace("Input should", "should")
        raise BadInput(f"{verb}: {name}={value!r}: {reason}") from None


def name_list(value: str | Sequence[str] | None) -> list[str] | None:
    """Names as a list; a text may have several, with commas between."""
    if value is None:
        return None
    return options.words([value]) if isinstance(value, str) else [str(each) for each in value]


def compute_options(values: Mapping[str, Any]) -> ComputeOptions:
    """The device and the folder of data: by default `auto` and `HARNESS_DATA`."""
    root = values.get("data_root") or os.environ.get("HARNESS_DATA")
    return ComputeOptions(values.get("device") or "auto", Path(root) if root else None)


def store_options(values: Mapping[str, Any]) -> StoreOptions:
    """Where results are: by default `runs` and `MLFLOW_TRACKING_URI`."""
    output, uri = values.get("output"), values.get("tracking_uri")
    return StoreOptions(
        Path(output) if output else default_output(),
        uri or os.environ.get("MLFLOW_TRACKING_URI"),
    )
