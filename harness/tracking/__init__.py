"""The only package that imports mlflow: writes runs, and reads them back."""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from harness.tracking.address import default_uri
from harness.tracking.cell_uses import CellUse
from harness.tracking.records import Record
from harness.tracking.store import Store

__all__ = ["CellUse", "Record", "Store", "default_uri"]
