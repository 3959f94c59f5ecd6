"""Metadata of datasets and of the results in the format Croissant 1.0 (MLCommons), by mlcroissant.

Images are not part of an export: a dataset is described by its source, its licence, the number of
its images and a digest, by which the harness knows it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from harness.core.counting import counted
from harness.report.export.bibliography import read_citations
from harness.report.export.file_names import file_slug, slugs
from harness.report.results import DatasetInfo, Results
from harness.report.templating import read_moment

RESULTS = "report/results.csv"
SCHEMA = "https://schema.org/"
COLUMN_TYPES = {"seed": "Integer", "value": "Float", "stderr": "Float"}
"""The types of the columns of the results that are no texts."""
SOURCE = f"{SCHEMA}Dataset"
"""In place of an address where a dataset's citation has none."""


def croissant_files(results: Results, table: bytes) -> dict[str, str]:
    """A document for each dataset, below `croissant/`, and `croissant.json` for the `table` of
    results (CSV), which it reads as one record set. Needs mlcroissant.
    """
    places = croissant_places(results)
    documents = {places[dataset.name]: _dataset(dataset, results) for dataset in results.datasets}
    documents["croissant.json"] = _results(results, table)
    return {
        place: json.dumps(document, indent=1, ensure_ascii=False, default=str) + "\n"
        for place, document in documents.items()
    }


def croissant_places(results: Results) -> dict[str, str]:
    """Where the document of each dataset is, by the dataset's name."""
    names = slugs(dataset.name for dataset in results.datasets)
    return {dataset: f"croissant/{name}.json" for dataset, name in names.items()}


def dataset_address(dataset: DatasetInfo) -> str:
    """The address of the work that a dataset's citation names; empty where it names none."""
    works = read_citations(dataset.card.citation)
    return next((work.address for work in works if work.address), "")


def _dataset(dataset: DatasetInfo, results: Results) -> dict[str, Any]:
    import mlcroissant as mlc

    card = dataset.card
    splits = f"{counted(dataset.train, 'training image')}, {counted(dataset.test, 'test image')}"
    metadata: dict[str, Any] = mlc.Metadata(
        name=file_slug(dataset.name),
        description=f"{card.title}: {dataset.images}; {splits}. The harness calls it "
        f"{dataset.name}; SHA-256 of its training images: {dataset.digest}.",
        license=[card.licence],
        cite_as=card.citation,
        url=dataset_address(dataset) or SOURCE,
        version="1.0.0",
        date_published=read_moment(results.generated_at),
    ).to_json()
    return metadata


def _results(results: Results, table: bytes) -> dict[str, Any]:
    import mlcroissant as mlc

    columns = table.partition(b"\n")[0].decode().strip().split(",")
    fields = [
        mlc.Field(
            id=f"results/{name}",
            name=name,
            data_types=[SCHEMA + COLUMN_TYPES.get(name, "Text")],
            source=mlc.Source(file_object="results.csv", extract=mlc.Extract(column=name)),
        )
        for name in columns
    ]
    metadata: dict[str, Any] = mlc.Metadata(
        name=f"results-{file_slug(results.suite_name)}",
        description=f"{results.title}: a row for each metric of each trained model and seed.",
        license=["not stated"],
        cite_as="See CITATION.cff of the harness, and tex/references.bib.",
        url=SOURCE,
        version="1.0.0",
        date_published=read_moment(results.generated_at),
        distribution=[
            mlc.FileObject(
                id="results.csv",
                name="results.csv",
                content_url=RESULTS,
                encoding_formats=["text/csv"],
                sha256=hashlib.sha256(table).hexdigest(),
            )
        ],
        record_sets=[mlc.RecordSet(id="results", name="results", fields=fields)],
    ).to_json()
    return metadata
