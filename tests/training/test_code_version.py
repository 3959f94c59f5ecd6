from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from harness.families.autoencoder import Autoencoder
from harness.families.vae import VAE
from harness.training import code_version as module
from harness.training.code_version import code_version

FAMILY = '''"""A family."""
from harness.families.autoencoder import Autoencoder
from plugin.part import factor

class Mine(Autoencoder):
    """It is mine."""

    def loss(self, networks, batch, noise):
        return {"loss": batch.x.mean() * factor()}  # comment
'''
PART = "def factor():\n    return 2\n"


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "part.py").write_text(PART)
    (folder / "family.py").write_text(FAMILY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(module, "ROOTS", ())  # the loader's room is not this test's subject
    return folder


def version() -> str:
    for name in [name for name in sys.modules if name.split(".")[0] == "plugin"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    return code_version(importlib.import_module("plugin.family").Mine)


def test_comments_docstrings_and_layout_do_not_count(plugin: Path) -> None:
    before = version()
    text = FAMILY.replace("# comment", "# another").replace("It is mine.", "Not\n    yours.")
    (plugin / "family.py").write_text(text.replace("batch.x.mean() *", "(batch.x.mean()) *"))
    (plugin / "part.py").write_text('"""Factors."""\n\n' + PART)
    assert version() == before


def test_a_changed_loss_counts_and_so_does_what_it_imports(plugin: Path) -> None:
    before = version()
    (plugin / "family.py").write_text(FAMILY.replace("mean()", "sum()"))
    changed = version()
    assert changed != before
    (plugin / "part.py").write_text(PART.replace("2", "3"))
    assert version() not in (before, changed)


def test_families_differ_and_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOTS", ("harness.training.loop",))
    assert code_version(VAE) == code_version(VAE) != code_version(Autoencoder)
    assert len(code_version(VAE)) == 16


def test_networks_are_found_through_the_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOTS", ())
    read: list[str] = []
    source = module._source
    monkeypatch.setattr(module, "_source", lambda name: read.append(name) or source(name))
    code_version(VAE)
    assert {"harness.families.vae", "harness.networks.convnet", "harness.networks.sizes"} <= {*read}
    assert not any(name.startswith("harness.spec") for name in read)
