"""The metadata of an export as RO-Crate 1.1 (w3id.org/ro/crate/1.1), by the library rocrate."""

from __future__ import annotations

import io
import json
import mimetypes
from collections.abc import Collection
from typing import Any

from harness.report.export.croissant import RESULTS, croissant_places, dataset_address
from harness.report.export.rerun import suite_place
from harness.report.results import Results
from harness.report.templating import read_moment

PLACE = "ro-crate-metadata.json"
FORMATS = {
    ".yaml": "application/yaml",
    ".bib": "application/x-bibtex",
    ".tex": "application/x-tex",
    ".md": "text/markdown",
    ".sh": "application/x-sh",
    "": "text/plain",
}
NO_LICENCE = {
    "@type": "CreativeWork",
    "name": "Not stated",
    "description": "Whoever publishes these results states their licence; datasets have their own.",
}


def crate_metadata(results: Results, places: Collection[str]) -> str:
    """The document `ro-crate-metadata.json` of an export with files at these places. Needs
    rocrate.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.1")
    crate.name = results.title
    crate.description = results.description or results.title
    crate.datePublished = read_moment(results.generated_at)
    crate.license = crate.add(ContextEntity(crate, "#licence", properties=NO_LICENCE))
    files: dict[str, Any] = {
        place: crate.add_file(
            io.StringIO(""), place, properties={"name": place, "encodingFormat": _format(place)}
        )
        for place in sorted(places)
    }
    for place, properties in _datasets(results).items():
        crate.add(ContextEntity(crate, f"#{place}", properties=properties))
    software = crate.add(ContextEntity(crate, "#harness", properties=_software(results)))
    crate.add_action(
        software,
        identifier="#run",
        object=[files[suite_place(results)]],
        result=[files[RESULTS]],
        properties={
            "name": results.command,
            "endTime": read_moment(results.generated_at).isoformat(),
        },
    )
    return json.dumps(crate.metadata.generate(), indent=1, ensure_ascii=False) + "\n"


def _format(place: str) -> str:
    suffix = place[place.rfind(".") :] if "." in place.rpartition("/")[2] else ""
    return FORMATS.get(suffix) or mimetypes.guess_type(place)[0] or "application/octet-stream"


def _software(results: Results) -> dict[str, Any]:
    facts = "; ".join(f"{name} {text}" for name, text in results.environment.items())
    version = results.environment.get("harness", "unknown")
    return {
        "@type": "SoftwareApplication",
        "name": "harness",
        "softwareVersion": version,
        "softwareRequirements": facts,
    }


def _datasets(results: Results) -> dict[str, dict[str, Any]]:
    """The datasets that the results are of, by the places of their Croissant documents."""
    places = croissant_places(results)
    return {
        places[dataset.name]: {
            "@type": "Dataset",
            "name": dataset.name,
            "description": dataset.card.title,
            "license": dataset.card.licence,
            "citation": dataset.card.citation,
            "identifier": f"sha256:{dataset.digest}",
            "subjectOf": {"@id": places[dataset.name]},
            **({"url": address} if (address := dataset_address(dataset)) else {}),
        }
        for dataset in results.datasets
    }
