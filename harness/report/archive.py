"""A suite's record as files beside its page, from which the page can be written again.

`report.json` has all but the loss curves, which are in `curves.csv`, and the pictures, which are
PNG files in `pictures/`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from harness.config.claim_shapes import make_claim
from harness.config.json_files import load_json
from harness.core.csv_text import from_csv, to_csv
from harness.core.errors import BadInput, one_line
from harness.core.measurement import TRAINING_IMAGES, CellResult, Measurement
from harness.core.secrets import without_passwords
from harness.evaluation.pictures import PICTURES as PICTURE_KINDS
from harness.metrics import METRICS
from harness.metrics.base import Estimate, Metric
from harness.plan.declarations import history_of
from harness.report.looks import looks_from
from harness.report.results import (
    CURVE_COLUMNS,
    AskedClaim,
    DatasetInfo,
    ModelInfo,
    ReportFigureData,
    ReportPicture,
    StoreInfo,
    SuiteRecord,
)
from harness.selftest.outcomes import SelftestResult

FORMAT = 1
RECORD, CURVES, PICTURES = "report.json", "curves.csv", "pictures"

PLAIN = ("title", "description", "suite_name", "suite_yaml", "seeds", "command", "generated_at")
MAPPINGS = ("each", "environment", "overrides", "identity")
"""The fields of a record that are texts and numbers, and the ones that are mappings of these."""
LATER = ("kind", "range", "counts", "of_recipe", "fooled_by")
"""Fields of a metric that the first reports do not have."""


def record_files(record: SuiteRecord) -> dict[str, str | bytes]:
    """The content of each file, by its path in the report's folder."""
    paths = picture_paths(record.pictures)
    names = [path.removeprefix(f"{PICTURES}/") for path, _ in paths]
    document = json.dumps(_document(record, names), indent=1, ensure_ascii=False, allow_nan=False)
    return {
        RECORD: f"{document}\n",
        CURVES: to_csv(record.curves[list(CURVE_COLUMNS)]),
        **{path: picture.png for path, picture in paths},
    }


def picture_paths(pictures: Sequence[ReportPicture]) -> list[tuple[str, ReportPicture]]:
    """Each picture with the path of its file in the report's folder."""
    return [(f"{PICTURES}/{_name(number, each)}", each) for number, each in enumerate(pictures)]


def read_record(folder: Path) -> SuiteRecord:
    """The record that `record_files` put into a folder. Raises BadInput where it is not there, is
    not what a report writes, or is of a newer version.
    """
    file = folder / RECORD
    if not file.exists():
        raise _incomplete(folder, RECORD)
    document = load_json(file).value
    try:
        if document["format"] > FORMAT:
            raise BadInput(f"{file}: written by a newer version of the harness")
        record = _record(document, folder)
        _check_names(record)
        return record
    except FileNotFoundError as error:
        raise _incomplete(folder, Path(error.filename).relative_to(folder)) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{file}: not what a report writes: {one_line(error)}") from None


def _incomplete(folder: Path, missing: str | Path) -> BadInput:
    return BadInput(
        f"{folder}: has no {missing}, without which its page cannot be written again; "
        "`harness report SUITE --publish` writes a whole folder from the tracking store"
    )


def _check_names(record: SuiteRecord) -> None:
    """Raise ValueError where a part of the record is about a dataset or a model that no part has,
    and where costs are no numbers.
    """
    datasets = {dataset.name for dataset in record.datasets}
    models = {cell.model for cell in record.cells} | {TRAINING_IMAGES}
    named = [c.dataset for c in record.cells]
    named += [each.dataset for part in (record.pictures, record.figure_data) for each in part]
    for name in named:
        if name not in datasets:
            raise ValueError(f"dataset {name!r} is not among its datasets")
    for picture in record.pictures:
        if picture.kind not in PICTURE_KINDS:
            raise ValueError(f"there is no picture {picture.kind!r}")
        if picture.model not in models:
            raise ValueError(f"model {picture.model!r} of a picture has no cell")
    for cell in record.cells:
        if "steps" in cell.costs:
            _ = int(cell.costs["images"]), int(cell.costs["steps"])


def _document(record: SuiteRecord, names: Sequence[str]) -> dict[str, Any]:
    """All but the curves and the pictures' pixels, in plain types."""
    rows = [row for cell in record.cells for row in cell.measurements]
    measured = {metric for each in record.claims for metric in each.claim.measured}
    shown = {row.metric for row in rows} | measured
    return {
        "format": FORMAT,
        **{name: getattr(record, name) for name in PLAIN},
        **{name: dict(getattr(record, name)) for name in MAPPINGS},
        "store": {"uri": without_passwords(record.store.uri), "browse": record.store.browse},
        "claims": [
            {"claim": each.claim.model_dump(mode="json"), "datasets": each.datasets}
            for each in record.claims
        ],
        "metrics": [
            _fields(metric, but="compute")
            for metric in record.metrics.values()
            if metric.name in shown
        ],
        "datasets": [
            {name: value for name, value in asdict(dataset).items() if value is not None}
            for dataset in record.datasets
        ],
        "models": [asdict(model) for model in record.models],
        "looks": {name: asdict(each) for name, each in record.looks.items()},
        "declarations": {
            name: [asdict(each) for each in entries]
            for name, entries in record.declarations.items()
        },
        "selftests": {
            name: [asdict(each) for each in results] for name, results in record.selftests.items()
        },
        "doubts": [[*board, doubt] for board, doubt in record.doubts.items()],
        "pictures": [
            {"file": name, **_fields(picture, but="png")}
            for name, picture in zip(names, record.pictures, strict=True)
        ],
        "figure_data": [asdict(each) for each in record.figure_data],
        "protocols": {row.protocol.key(): row.protocol.to_dict() for row in rows},
        "cells": [_cell_document(cell) for cell in record.cells],
    }


def _fields(value: Any, but: str) -> dict[str, Any]:
    """The fields of a dataclass in plain types, but for one."""
    values = {field.name: getattr(value, field.name) for field in fields(value)}
    return {
        name: dict(each) if isinstance(each, Mapping) else each
        for name, each in values.items()
        if name != but
    }


def _cell_document(cell: CellResult) -> dict[str, Any]:
    rows = [
        {name: value for name, value in _fields(row, but="protocol").items() if value is not None}
        | {"protocol": row.protocol.key()}
        for row in cell.measurements
    ]
    return {**_fields(cell, but="measurements"), "measurements": rows}


def _name(number: int, picture: ReportPicture) -> str:
    """A file's name: the number tells apart what is called alike."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{picture.kind}-{picture.model}".lower()).strip("-")
    return f"{number:03}-{words[:80]}.png"


def _record(document: Mapping[str, Any], folder: Path) -> SuiteRecord:
    return SuiteRecord(
        **_plain_fields(document),
        store=StoreInfo(**document["store"]),
        claims=[
            AskedClaim(make_claim(**each["claim"]), tuple(each["datasets"]))
            for each in document["claims"]
        ],
        metrics={each["name"]: _metric(each) for each in document["metrics"]},
        datasets=TypeAdapter(list[DatasetInfo]).validate_python(document["datasets"]),
        models=TypeAdapter(list[ModelInfo]).validate_python(document["models"]),
        doubts={(dataset, key): doubt for dataset, key, doubt in document["doubts"]},
        declarations=history_of(document.get("declarations", {})),
        looks=looks_from(document.get("looks", {})),
        selftests=TypeAdapter(dict[str, tuple[SelftestResult, ...]]).validate_python(
            document.get("selftests", {})
        ),
        figure_data=TypeAdapter(list[ReportFigureData]).validate_python(
            document.get("figure_data", [])
        ),
        pictures=[_picture(each, folder / PICTURES) for each in document["pictures"]],
        cells=[_cell(each, document["protocols"]) for each in document["cells"]],
        curves=from_csv((folder / CURVES).read_text(encoding="utf-8"), CURVE_COLUMNS),
    )


def _plain_fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """The texts, numbers and mappings of a record, each of the type that the record's field has."""
    types = get_type_hints(SuiteRecord)
    return {
        name: TypeAdapter(types[name]).validate_python(document[name])
        for name in (*PLAIN, *MAPPINGS)
    }


def _metric(entry: Mapping[str, Any]) -> Metric:
    """A metric without its function. Fields that only another version has are passed over; those
    that an earlier one did not write are as they are now.
    """
    names = {field.name for field in fields(Metric)}
    content = {name: each for name, each in entry.items() if name in names}
    if current := METRICS.get(entry["name"]):
        content = {name: getattr(current, name) for name in LATER} | content
    return TypeAdapter(Metric).validate_python({**content, "compute": _not_computed})


def _not_computed() -> Estimate:
    """In place of the function of a metric whose numbers were read."""
    raise TypeError("a metric that was read from a report has no function")


def _picture(entry: Mapping[str, Any], folder: Path) -> ReportPicture:
    name, others = entry["file"], {key: value for key, value in entry.items() if key != "file"}
    if not re.fullmatch(r"[a-z0-9-]+\.png", name):
        raise ValueError(f"{name!r} is no picture of a report")
    png = (folder / name).read_bytes()
    return TypeAdapter(ReportPicture).validate_python({**others, "png": png})


def _cell(entry: Mapping[str, Any], protocols: Mapping[str, Any]) -> CellResult:
    rows = tuple(
        Measurement.from_json(json.dumps({**row, "protocol": protocols[row["protocol"]]}))
        for row in entry["measurements"]
    )
    return TypeAdapter(CellResult).validate_python({**entry, "measurements": rows})
