"""README and docs hold what they say: their examples are written and run as a reader would.

A fence that says `title=FILE` is a file; the lines of one that says `example` are commands, run in
the folder of the page's files.
"""

import re
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pytest
from forking import Forks

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
name = attrgetter("name")
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)\)")


def fences(page: Path) -> list[tuple[str, str]]:
    return [(words.strip(), body) for _, words, body in FENCE.findall(page.read_text())]


COMMANDS = """
import os, shlex, sys
from harness.cli.main import main

os.environ["PYTHONPATH"] = os.pathsep.join(({root!r}, os.getcwd()))
for line in {lines!r}:
    sys.argv = shlex.split(line.removeprefix("python -m "))
    assert sys.argv[0] == "harness", line
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            sys.exit(line + ": exit " + str(ended.code))
"""
"""In one process: what each does is another module's to test."""

MODULES = [
    "torch", "harness.cli.main", "harness.engine.execute", "harness.engine.local",
    "harness.cell.run", "harness.metrics", "harness.report.publish",
    "mlflow.store.tracking.sqlalchemy_store",
]  # fmt: skip


@pytest.fixture(scope="module")
def run() -> Iterator[Forks]:
    """Imports what commands need once, for all pages."""
    with Forks(MODULES) as forks:
        yield forks


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if "```sh example" in p.read_text()], ids=name)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, run: Forks):
    lines: list[str] = []
    for words, body in fences(page):
        if words.startswith("title="):
            file = tmp_path / words.removeprefix("title=")
            file.parent.mkdir(exist_ok=True)
            assert not file.exists(), f"{file.name} is there twice, and commands run after all"
            file.write_text(body)
        elif words == "example":
            lines += body.splitlines()
    ended = run(COMMANDS.format(root=str(ROOT), lines=lines), tmp_path)
    assert ended.returncode == 0, f"{ended.stdout}{ended.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_to_files_lead_somewhere(page: Path):
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
