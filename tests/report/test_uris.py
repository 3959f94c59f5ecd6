"""How a page says where its runs are."""

from pathlib import Path

import pytest

from harness.report.uris import browse
from harness.tracking import Store


def test_a_server_is_named_by_its_address_without_a_password(tmp_path: Path):
    assert browse(Store("http://ann:secret@host:5000", tmp_path)) == "http://host:5000"


def test_a_file_is_browsed_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("my reports")
    store = Store(f"sqlite:///{tmp_path}/my reports/mlflow.db", folder)
    assert browse(store) == "mlflow ui --backend-store-uri 'sqlite:///my reports/mlflow.db'"
