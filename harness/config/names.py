"""Names of suites, under which results are kept: in folders and in experiments of a store."""

from __future__ import annotations

TAKEN = {
    "mlflow.db", "mlflow.db-journal", "mlflow.db-shm", "mlflow.db-wal", "mlartifacts", "work",
    "locks", "unlogged", "score", "selftests", "exports", "default",
}  # fmt: skip
"""What the harness itself puts beside reports, and the experiments that are no suites'."""
MAX_BYTES = 120
"""A suite's name is part of file names, which may have 255."""


def unfit(name: str) -> str | None:
    """Why a suite cannot be called so, or None where it can."""
    if name.casefold() in TAKEN:
        return "is a name of the harness's own"
    if any(character in "/\\" or not character.isprintable() for character in name):
        return "has a slash or a control character in it"
    if not name or name != name.strip() or name.startswith("."):
        return "is empty, begins with a dot, or has a space at an end"
    too_long = len(name.encode(errors="surrogateescape")) > MAX_BYTES
    return f"has more than {MAX_BYTES} bytes" if too_long else None


def fit_name(name: str) -> str:
    """The name; ValueError where a suite cannot be called so."""
    if reason := unfit(name):
        raise ValueError(f"{name!r} {reason}; results are kept in a folder of this name")
    return name
