"""The only package that imports mlflow: writes runs, and reads them back."""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# A server that is away is noticed after some 15 seconds, and not after MLflow's four minutes: what
# it does not take is kept, and a cell that begins waits for it.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")

from harness.tracking.address import default_uri
from harness.tracking.cell_uses import CellUse
from harness.tracking.records import Record
from harness.tracking.store import Store

__all__ = ["CellUse", "Record", "Store", "default_uri"]
