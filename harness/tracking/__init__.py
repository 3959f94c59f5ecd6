"""The only room that imports mlflow: writes runs, and reads them back."""

from harness.tracking.store import Record, Store, default_uri
from harness.tracking.uses import Use

__all__ = ["Record", "Store", "Use", "default_uri"]
