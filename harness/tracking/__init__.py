"""The only room that imports mlflow: writes runs, and reads them back."""

from harness.tracking.store import Record, Store, default_uri

__all__ = ["Record", "Store", "default_uri"]
