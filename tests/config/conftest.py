from collections.abc import Mapping

import pytest

from harness.config import shipped


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """Stands in for the checkout: `zoo({"models/gan/dcgan": text})` writes shipped files."""
    checkout = tmp_path / "checkout"
    monkeypatch.setattr(shipped, "_PACKAGE", checkout / "harness")

    def write(files: Mapping[str, str]):
        for name, text in files.items():
            path = checkout / f"{name}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return checkout

    return write
