"""The only package that imports mlflow: writes runs, and reads them back."""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from harness.tracking.address import default_uri
from harness.tracking.records import Record
from harness.tracking.store import Store
from harness.tracking.uses import Use

__all__ = ["Record", "Store", "Use", "default_uri"]
