"""README and docs hold what they say: their examples are written and run as a reader would.

A fence that says `title=FILE` is a file; the lines of one that says `example` are commands, run in
the folder of the page's files.
"""

import os
import re
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


COMMANDS = """
import shlex, sys
from harness.cli.main import main

for line in sys.argv[1:]:
    sys.argv = shlex.split(line.removeprefix("python -m "))
    assert sys.argv[0] == "harness", line
    try:
        main()
    except SystemExit as ended:
        if ended.code:
            sys.exit(f"{line}: exit {ended.code}")
"""
"""In one process, which starts once: what each does is another module's to test."""


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if "```sh example" in p.read_text()], ids=name)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path):
    lines: list[str] = []
    for words, body in fences(page):
        if words.startswith("title="):
            file = tmp_path / words.removeprefix("title=")
            file.parent.mkdir(exist_ok=True)
            assert not file.exists(), f"{file.name} is there twice, and commands run after all"
            file.write_text(body)
        elif words == "example":
            lines += body.splitlines()
    ended = subprocess.run(
        [sys.executable, "-c", COMMANDS, *lines],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(tmp_path)))},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout}{ended.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_to_files_lead_somewhere(page: Path):
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"
