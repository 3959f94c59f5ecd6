"""Addresses of tracking stores as they can be published."""

from __future__ import annotations

import os
from urllib.parse import urlsplit, urlunsplit


def without_password(uri: str) -> str:
    """A URI without user name and password.

    >>> without_password("https://ann:secret@mlflow.example.org:5000/x")
    'https://mlflow.example.org:5000/x'
    >>> without_password("sqlite:///reports/mlflow.db")
    'sqlite:///reports/mlflow.db'
    """
    parts = urlsplit(uri)
    if "@" not in parts.netloc:  # a file's address would lose two of its slashes
        return uri
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def published(uri: str) -> str:
    """A store as a page may name it: no password, and no place of this machine."""
    return without_password(here(uri))


def here(uri: str) -> str:
    """A local store relative to the current folder: a report names no place of its machine."""
    if not uri.startswith("sqlite:///"):
        return uri
    return f"sqlite:///{os.path.relpath(uri.removeprefix('sqlite:///'))}"
