"""README and docs hold what they say: their examples are written and run as a reader would.

A fence that says `title=FILE` is a file; the lines of one that says `example` are commands, run in
the folder of the page's files.
"""

import os
import re
import shlex
import subprocess
import sys
from operator import attrgetter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
name = attrgetter("name")
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)\)")


def fences(page: Path) -> list[tuple[str, str]]:
    return [(words.strip(), body) for _, words, body in FENCE.findall(page.read_text())]


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if "```sh example" in p.read_text()], ids=name)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path):
    for words, body in fences(page):
        if words.startswith("title="):
            file = tmp_path / words.removeprefix("title=")
            file.parent.mkdir(exist_ok=True)
            file.write_text(body)
        elif words == "example":
            for line in body.splitlines():
                run(line, tmp_path)


def run(line: str, folder: Path) -> None:
    """`harness …` and `python -m harness …`, by this Python and from this checkout."""
    arguments = shlex.split(line.removeprefix("python -m "))
    assert arguments[0] == "harness", line
    ended = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, f"{line}\n{ended.stdout}{ended.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_to_files_lead_somewhere(page: Path):
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
