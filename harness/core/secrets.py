"""Text without the passwords that addresses in it carry."""

from __future__ import annotations

import re

_USER = re.compile(r"(?<=://)(?:[^\s/@'\"<>]*:[^\s'\"<>]*|[^\s/'\"<>]*)@")
"""A password may have a slash, which an address should quote and often does not."""
_PARAMETER = re.compile(
    r"(?i)([?&;][\w.-]*(?:passw|pwd|token|secret|credential|odbc_connect|key)[\w.-]*=)[^\s&;'\"]+"
)


def without_passwords(text: str) -> str:
    """Return `text` with user names and passwords removed from every address in it.

    >>> without_passwords("cannot reach https://ann:secret@mlflow.example.org:5000/x")
    'cannot reach https://mlflow.example.org:5000/x'
    >>> without_passwords("postgresql://db.example.org/runs?user=ann&password=secret&timeout=3")
    'postgresql://db.example.org/runs?user=ann&password=…&timeout=3'
    """
    return _PARAMETER.sub(r"\1…", _USER.sub("", text))
