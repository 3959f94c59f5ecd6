"""A check as JUnit XML, which CI servers show as tests: one for each comparison."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from harness.regression.changes import PASSING, Change
from harness.report.checks.words import CheckText

_UNFIT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for, escaped or not; a traceback may have some of it."""


def junit(words: CheckText, seconds: float) -> str:
    """The document. A regression is a failure; what could not be decided is an error, so that all
    tests pass exactly where the command's exit code is 0.
    """
    check = words.check
    failures, errors = len(check.among("regressed")), len(check.undecided)
    counts = {
        "name": f"harness check {check.suite}",
        "tests": str(len(check.changes)),
        "failures": str(failures),
        "errors": str(errors),
        "time": f"{seconds:.3f}",
    }
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", counts | {"skipped": "0"})
    for change in check.changes:
        suite.append(_case(words, change))
    ET.SubElement(suite, "system-out").text = _fit("\n".join([words.summary(), *words.notes()]))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(words: CheckText, change: Change) -> ET.Element:
    case = ET.Element(
        "testcase",
        {
            "classname": _fit(f"{change.dataset}.{change.model}"),
            "name": _fit(change.metric),
            "time": "0",
        },
    )
    if change.outcome not in PASSING:
        kind = "failure" if change.outcome == "regressed" else "error"
        attributes = {"type": change.outcome, "message": _fit(change.reason)}
        ET.SubElement(case, kind, attributes).text = _fit(
            f"{words.title(change)} {words.sentence(change)}"
        )
    else:
        ET.SubElement(case, "system-out").text = _fit(words.sentence(change))
    return case


def _fit(text: str) -> str:
    return _UNFIT.sub("�", text)
