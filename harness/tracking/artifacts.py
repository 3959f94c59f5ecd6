"""The artifacts of runs: where they are stored, how they are written whole, and how they
are read.
"""

from __future__ import annotations

import logging
import shutil
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from harness.core.files import atomic_write
from harness.core.scratch import scratch
from harness.core.secrets import without_passwords
from harness.tracking.address import Address
from harness.tracking.refusals import brief

ARTIFACTS = "mlartifacts"
"""The folder beside a store's SQLite file that has its runs' artifacts."""


def local_path(uri: str) -> Path | None:
    """Return the folder that an artifact address names, or None where it is not on a disk."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(uri) if not parts.scheme else None


def artifact_folder(recorded: Path, run_id: str, database: Path) -> Path:
    """Return where a run's artifacts are, if MLflow has recorded them at `recorded`.

    Artifacts are beside their database, which may have been moved, copied, or mounted elsewhere.
    """
    if recorded.parts[-3:] != (ARTIFACTS, run_id, "artifacts"):
        return recorded
    current = database.parent.resolve() / ARTIFACTS / run_id / "artifacts"
    return current if current.parent.exists() or not recorded.exists() else recorded


class Artifacts:
    """The artifacts of one store's runs. `folder` is for files on their way."""

    def __init__(self, client: MlflowClient, address: Address, folder: Path) -> None:
        self._client = client
        self._address = address
        self._folder = folder
        self._place = lru_cache(maxsize=10_000)(self._find_place)

    def put(self, run_id: str, file: Path, folder: str) -> None:
        """Store a file of this machine in `folder` of the run's artifacts."""
        place = self._place(run_id)
        if place is None:
            self._client.log_artifact(run_id, str(file), folder or None)
            return
        target = place / folder / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(target, lambda part: shutil.copyfile(file, part))

    def get(self, run_id: str, path: str) -> bytes | None:
        """The content of an artifact, or None where there is none."""
        try:
            place = self._place(run_id)
            if place is not None:
                return (place / path).read_bytes()
            with scratch(self._folder) as aside:
                return Path(self._client.download_artifacts(run_id, path, str(aside))).read_bytes()
        except FileNotFoundError:
            return None
        except (MlflowException, OSError) as error:
            logging.getLogger(__name__).debug("%s of run %s: %s", path, run_id, brief(error))
            return None

    def name(self, run_id: str) -> str:
        """Where a run's artifacts are, for people."""
        place = self._place(run_id)
        uri = self._client.get_run(run_id).info.artifact_uri
        return str(place) if place else without_passwords(str(uri))

    def _find_place(self, run_id: str) -> Path | None:
        """The folder of a run's artifacts, where a SQLite store keeps them on this machine."""
        if self._address.database is None:
            return None
        recorded = local_path(self._client.get_run(run_id).info.artifact_uri)
        return recorded and artifact_folder(recorded, run_id, self._address.database)
