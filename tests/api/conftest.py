"""What tests of the Python interface share: a folder of its own, and the shell beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import Inside

CODE = """
import torch
def plain(n, generator):
    return torch.rand(n, 1, 16, 16, generator=generator) * 2 - 1
"""
Shell = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where features of references are kept for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a store and a module `drawing` of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_CACHE", str(cache))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for user in ("training.numerics", "api.scores", "api.loaded_model"):  # other tests run too
        monkeypatch.setattr(f"harness.{user}.cores", lambda: 1)
    (tmp_path / "drawing.py").write_text(CODE)
    return tmp_path


@pytest.fixture
def shell(folder: Path) -> Shell:
    """`harness score` in this process: the rows that it writes, or its one line of error."""

    def score(*words: str) -> list[dict[str, Any]]:
        ended = Inside(folder)("score", *map(os.fspath, words), "--json", "rows.json")
        assert ended.returncode == 0, ended.stderr
        return json.loads((folder / "rows.json").read_text())["rows"]

    return score
