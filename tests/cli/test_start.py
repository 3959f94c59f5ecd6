import os
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from harness.cli import catalogue

SLOW = "sklearn", "scipy.stats", "statsmodels", "matplotlib", "torch._dynamo"
"""Each takes a second or so to load; a few cells need some of them, and most need none."""

OF_A_RUN = "torch", "mlflow", "pandas", "scipy.special", "torchvision"
"""What a run needs, and what only prints does not."""

COMMAND = """
import sys
from harness.cli.main import main
sys.argv = ["harness", *sys.argv[1:]]
try:
    main()
except SystemExit:
    pass
print(*sys.modules, file=sys.stderr)
"""

FIRST_LINE = """
import sys
from harness.cli import main, run

def first_line(text):
    print(text)
    print(*sys.modules)
    sys.exit()

run.announce_stages = lambda console: first_line
main.main()
"""


def test_a_run_loads_no_slow_library_before_a_cell_asks_for_it() -> None:
    code = f"import sys, harness.engine.execute; print(*(m for m in {SLOW!r} if m in sys.modules))"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True)
    assert loaded.stdout.split() == []


def loaded(*arguments: str, cache: Path | None = None) -> set[str]:
    """The modules that a command loads; `cache` is its cache folder."""
    command = [sys.executable, "-c", COMMAND, *arguments]
    environment = {**os.environ, "HARNESS_CACHE": str(cache)} if cache else None
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return {*ended.stderr.split()}


def test_help_loads_nothing_that_computes() -> None:
    modules = loaded("--help")
    assert "harness.cli.run" in modules
    assert not modules & {*OF_A_RUN, *SLOW, "pydantic", "yaml"}


@pytest.mark.parametrize("kind", ["suites", "models"])
def test_files_are_listed_without_anything_that_computes(kind: str) -> None:
    modules = loaded("list", kind)
    assert "harness.config.recipe" in modules
    assert not modules & {*OF_A_RUN, *SLOW}


def test_titles_are_loaded_once(tmp_path: Path) -> None:
    assert "torch" in loaded("list", cache=tmp_path)
    assert not loaded("list", cache=tmp_path) & {*OF_A_RUN, *SLOW}


def test_a_suite_is_validated_without_the_store_and_the_data() -> None:
    modules = loaded("validate", "quickstart")
    assert "harness.plan.family_trial" in modules
    assert not modules & {*SLOW, "mlflow", "sqlalchemy", "torchvision"}


def test_planning_loads_no_library_by_looking_for_what_code_depends_on() -> None:
    modules = loaded("plan", "quickstart", "--models", "vae/vae", "--explain", "vae/vae")
    assert "harness.families.vae" in modules
    assert not modules & {*SLOW, "mlflow", "torchvision"}


def test_the_first_line_of_a_run_waits_for_nothing_that_computes() -> None:
    command = [sys.executable, "-c", FIRST_LINE, "run", "quickstart"]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    line, modules = ended.stdout.splitlines()
    assert line.startswith("quickstart: ")
    assert not {*modules.split()} & {*OF_A_RUN, *SLOW}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / catalogue.FILE


def test_kept_titles_are_those_of_the_registries(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = catalogue.catalogue(None)
    assert [*first] == ["suites", "models", "datasets", "metrics", "extractors"]
    assert ("fid", "Fréchet distance") in first["metrics"]
    monkeypatch.setattr(catalogue, "_registered", lambda: pytest.fail("read again"))
    assert catalogue.catalogue(None) == first
    assert catalogue.catalogue("metrics") == {"metrics": first["metrics"]}


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"key": "other", "titles": {}}'])
def test_titles_of_another_harness_and_damaged_ones_are_made_again(
    cache: Path, content: str
) -> None:
    titles = catalogue.catalogue("datasets")
    cache.write_text(content, encoding="utf-8")
    assert catalogue.catalogue("datasets") == titles


def test_titles_are_shown_where_none_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    names = [name for name, _ in catalogue.catalogue("datasets")["datasets"]]
    assert "digits" in names


def test_titles_of_other_packages_are_never_kept(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("photos", "photos:PHOTOS", "harness.datasets")
    monkeypatch.setattr(catalogue, "entry_points", lambda: EntryPoints([point]))
    assert catalogue.catalogue("metrics")["metrics"]
    assert not cache.exists()
