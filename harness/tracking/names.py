"""Names and texts that every tracking store takes."""

from __future__ import annotations

import posixpath
import re
from dataclasses import replace

from harness.core.keys import digest
from harness.core.measurement import Measurement
from harness.core.secrets import without_passwords

MAX_NAME = 250
"""Characters of the name of a metric, a parameter or a tag."""
MAX_TAG, MAX_PARAM = 7500, 6000
"""Characters of their values; MLflow stores tags of up to 8,000."""
_MARK = 8


def metric_name(text: str) -> str:
    """`text` as MLflow takes it for a name: other characters are replaced, and what it would read
    as a path to elsewhere, or finds too long, is made unique by a digest of the whole.

    >>> metric_name("digits[unseen=8]/gan/dcgan/fid mean")
    'digits:unseen_8_/gan/dcgan/fid mean'
    >>> metric_name("digits/./wide.yaml/fid mean")
    'digits/wide.yaml/fid mean-1fbefdb9'
    """
    name = re.sub(r"[^\w/. :-]", "_", text.replace("[", ":").rstrip("]"))
    if posixpath.normpath(name) == name and not name.startswith((".", "/")):
        return name if len(name) <= MAX_NAME else _marked(name, text)
    parts = [part for part in name.split("/") if part.strip(".")]
    return _marked("/".join(parts), text)


def _marked(name: str, text: str) -> str:
    return f"{name[: MAX_NAME - _MARK - 1]}-{digest(text)[:_MARK]}"


def valid_text(text: str, limit: int = MAX_TAG) -> str:
    """`text` as a database takes it, at most `limit` characters, without passwords."""
    plain = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    plain = plain.encode("utf-8", "replace").decode("utf-8")
    return without_passwords(plain)[:limit]


def number_text(row: Measurement) -> str:
    """A row as JSON that fits a tag: its reason is cut as far as it must be."""
    row = replace(row, reason=valid_text(row.reason, 2000))
    text = row.to_json()
    while len(text) > MAX_TAG and row.reason:
        row = replace(row, reason=row.reason[: len(row.reason) // 2])
        text = row.to_json()
    return text
