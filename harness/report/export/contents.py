"""All files of an export, made before any is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

import harness
from harness.core.errors import BadInput
from harness.core.files import encoded
from harness.plan import Plan
from harness.report.boards.latex import PREAMBLE, RowFacts, table_lines
from harness.report.boards.view import budget
from harness.report.export import crate, croissant
from harness.report.export.bibliography import bibtex
from harness.report.export.every_eval_ever import every_eval_ever_files
from harness.report.export.figure_files import figure_files
from harness.report.export.hugging_face import hugging_face_files
from harness.report.export.macros import number_macros, seed_macros
from harness.report.export.rerun import (
    environment_files,
    rerun_script,
    suite_files,
)
from harness.report.page import suite_boards
from harness.report.results import Results
from harness.report.templating import template_environment
from harness.report.writer import report_files
from harness.statistics.maturity import training_marks

MARKER, SUMS = "export.json", "SHA256SUMS"
FORMAT = 1
NO_EXTRA = (
    "RO-Crate and Croissant metadata need rocrate and mlcroissant: `pip install "
    "'harness[export]'`, or leave them out with --plain"
)


def export_files(
    results: Results, plan: Plan | None = None, *, is_plain: bool = False
) -> dict[str, bytes]:
    """The content of each file by its place in the export. `plan` tells which files of the user's
    a suite needs; `is_plain` leaves out what needs the extra `export`.

    Raises BadInput where no cell is finished, and where the extra is not installed.
    """
    if not any(row.value is not None for cell in results.cells for row in cell.measurements):
        raise BadInput(f"{results.suite_name}: no cell is finished, so that there is no number")
    if not is_plain:
        check_extra()
    files = {place: encoded(content) for place, content in _plain_files(results, plan).items()}
    if not is_plain:
        table = files[croissant.RESULTS]
        documents = croissant.croissant_files(results, table)
        files |= {place: text.encode() for place, text in documents.items()}
        places = [*files, SUMS]
        files[crate.PLACE] = crate.crate_metadata(results, places).encode()
    return files | {SUMS: checksums(files).encode()}


def check_extra() -> None:
    """Raise BadInput where rocrate or mlcroissant is not installed."""
    try:
        import mlcroissant  # noqa: F401
        import rocrate  # noqa: F401
    except ImportError as error:
        raise BadInput(f"{NO_EXTRA} ({error})") from None


def checksums(files: Mapping[str, bytes]) -> str:
    """Lines that `sha256sum -c` reads. Like it, this escapes a name with a backslash or a line
    break, and marks its line with a backslash.
    """
    lines = []
    for place, content in sorted(files.items()):
        name = place.replace("\\", "\\\\").replace("\n", "\\n")
        mark = "\\" if name != place else ""
        lines.append(f"{mark}{hashlib.sha256(content).hexdigest()}  {name}\n")
    return "".join(lines)


def _plain_files(results: Results, plan: Plan | None) -> dict[str, str | bytes]:
    """What needs no library besides the harness's own."""
    return {
        MARKER: _marker(results),
        "README.md": template_environment(autoescape=False)
        .get_template("export.md")
        .render(r=results),
        "rerun.sh": rerun_script(results),
        **suite_files(results, plan),
        **environment_files(results),
        **{f"report/{name}": content for name, content in report_files(results).items()},
        **figure_files(results),
        "tex/numbers.tex": number_macros(results),
        "tex/seeds.tex": seed_macros(results),
        "tex/tables.tex": "\n".join(_tables(results)) + "\n",
        "tex/references.bib": bibtex(results),
        **{f"every_eval_ever/{p}": text for p, text in every_eval_ever_files(results).items()},
        **{f"hugging_face/{p}": text for p, text in hugging_face_files(results).items()},
    }


def _marker(results: Results) -> str:
    """By this file an export is known for one."""
    facts = {
        "format": FORMAT,
        "suite": results.suite_name,
        "title": results.title,
        "generated_at": results.generated_at,
        "harness": harness.__version__,
    }
    return json.dumps(facts, indent=1, ensure_ascii=False) + "\n"


def _tables(results: Results) -> Iterator[str]:
    """The suite's leaderboards as LaTeX tables."""
    yield PREAMBLE
    budgets = {model.name: budget(model.images).text for model in results.models}
    marks = training_marks(results.training)
    for part in suite_boards(results):
        for group in part.groups:
            models = [model for model, _ in group.rows]
            shown = dict.fromkeys(models, "–") | budgets
            yield ""
            yield from table_lines(part.name, group, RowFacts(shown, marks))
