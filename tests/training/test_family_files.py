"""Files that a user's family reads are part of its training key."""

import sys
from pathlib import Path

import numpy as np
import pytest

from harness.config.suite import load_suite
from harness.core.errors import BadInput
from harness.plan import Plan, make_plan

FAMILY = """\
from pathlib import Path

import numpy as np
from harness.families.autoencoder import Autoencoder, AutoencoderSettings

HERE = Path(__file__).parent.parent


class Settings(AutoencoderSettings):
    start: str = ""


class Plain(Autoencoder):
    Settings = Settings


class Opens(Plain):
    def build(self):
        np.load(HERE / "weights.npy")
        return super().build()


class Names(Plain):
    def files(self):
        return (HERE / "weights.npy",)


class Lost(Plain):
    def files(self):
        return (HERE / "none.npy",)
"""
AT_IMPORT = """\
from harness.families.autoencoder import Autoencoder, AutoencoderSettings

from .table import TABLE


class Imports(Autoencoder):
    Settings = AutoencoderSettings
"""
TABLE = """\
from pathlib import Path

import numpy as np


def read(name):
    return np.load(Path(__file__).parent.parent / name)


TABLE = read("weights.npy")
"""
SUITE = """\
title: T
seeds: [0]
budget: {images: 64}
datasets: [digits]
models: [mine]
metrics: [mse]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "fileuser"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "fileuser").mkdir()
    (tmp_path / "fileuser" / "families.py").write_text(FAMILY)
    (tmp_path / "suite.yaml").write_text(SUITE)
    return tmp_path


def planned(folder: Path, family: str, weights: float, settings: str = "") -> Plan:
    np.save(folder / "weights.npy", np.full(3, weights))
    recipe = f"extends: autoencoder/conv\nfamily: fileuser.families:{family}\n{settings}"
    (folder / "mine.yaml").write_text(recipe)
    (folder / "suite.yaml").write_text(SUITE.replace("[mine]", "[./mine.yaml]"))
    return make_plan(load_suite(str(folder / "suite.yaml")), "cpu", None)


def key(*arguments) -> str:
    return planned(*arguments).cells[0].training_key


@pytest.mark.parametrize(
    ("family", "settings"),
    [("Opens", ""), ("Names", ""), ("Plain", "start: weights.npy\n")],
    ids=["opened", "named", "a setting"],
)
def test_a_changed_file_is_another_training(folder: Path, family: str, settings: str):
    first = key(folder, family, 1.0, settings)
    assert key(folder, family, 1.0, settings) == first
    assert key(folder, family, 0.5, settings) != first
    cell = planned(folder, family, 1.0, settings).cells[0]
    assert list(cell.ingredients["files"]) == ["weights.npy"]


def test_a_file_that_a_module_reads_on_import_is_another_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    (folder / "fileuser" / "imports.py").write_text(AT_IMPORT)
    (folder / "fileuser" / "table.py").write_text(TABLE)

    def files(weights: float) -> dict[str, str]:
        for name in [name for name in sys.modules if name.split(".")[0] == "fileuser"]:
            monkeypatch.delitem(sys.modules, name)
        np.save(folder / "weights.npy", np.full(3, weights))
        (folder / "mine.yaml").write_text(
            "extends: autoencoder/conv\nfamily: fileuser.imports:Imports\n"
        )
        (folder / "suite.yaml").write_text(SUITE.replace("[mine]", "[./mine.yaml]"))
        plan = make_plan(load_suite(str(folder / "suite.yaml")), "cpu", None)
        found: dict[str, str] = plan.cells[0].ingredients["files"]
        return found

    first = files(1.0)
    assert list(first) == ["weights.npy"]
    assert files(1.0) == first
    assert files(0.5) != first


def test_a_family_without_files_has_none_in_its_key(folder: Path):
    assert "files" not in planned(folder, "Plain", 1.0).cells[0].ingredients


def test_a_file_that_is_named_and_missing_is_bad_input(folder: Path):
    with pytest.raises(BadInput, match=r"Lost\.files names .*none\.npy, which is not a file"):
        planned(folder, "Lost", 1.0)
