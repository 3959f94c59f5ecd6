"""Says in words why numbers of two protocols cannot be compared."""

from __future__ import annotations

import re
from collections.abc import Sequence


def differing_fields(labels: Sequence[str]) -> str:
    """Names the fields in which labels of protocols (`Protocol.label`) differ, with their values.

    >>> differing_fields(["fid[inception@1a, u8, n=500/500 test]", "fid[inception@1a, u8, n=90/90
    test]"]) 'counts (n=500/500 test against n=90/90 test)'
    """
    parsed = [_fields(label) for label in dict.fromkeys(labels)]
    names = list(dict.fromkeys(name for fields in parsed for name in fields))
    differences = []
    for name in names:
        values = list(dict.fromkeys(fields.get(name, "none") for fields in parsed))
        if len(values) > 1:
            differences.append(f"{name} ({' against '.join(values)})")
    # A label does not have all fields: equal labels can only differ in the remaining two.
    return ", ".join(differences) or "the reference images (dataset or reference digest)"


def _fields(label: str) -> dict[str, str]:
    """Returns the parts of a protocol's label by the name of their field."""
    metric, _, inside = label.partition("[")
    fields = {"metric": metric}
    for part in inside.removesuffix("]").split(", "):
        fields[_name(part)] = part
    return fields


def _name(part: str) -> str:
    if part.startswith("n="):
        return "counts"
    if re.fullmatch(r"v\d+", part):
        return "version"
    if "=" in part:
        return part.partition("=")[0]
    if "@" in part:
        return "extractor"
    # Preprocessing and quantisation: u8 and f32 are the quantisations in use.
    return "quantisation" if re.fullmatch(r"[uf]\d+", part) else "preprocessing"
