"""Verbs end at once, in one line, where a tracking store cannot be."""

from pathlib import Path

import pytest
from running import Inside


@pytest.mark.parametrize("verb", ["leaderboard", "report quickstart", "run quickstart"])
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("file:./mlruns", 2), ("localhost:5000", 2), ("sqlite:x.db", 2), ("notes.txt", 2),
        ("sqlite:///notes.txt", 2), (".", 2), ("sqlite:///.", 2), ("mysql+none://a:secret@h/d", 2),
        ("http://ann:secret@127.0.0.1:9", 75),
    ],
)  # fmt: skip
def test_what_is_no_store(verb: str, given: str, code: int, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("notes " * 1000)
    ended = Inside(tmp_path)(*verb.split(), "--tracking-uri", given)
    lines = [line for line in ended.stderr.splitlines() if line.startswith("harness: ")]
    assert ended.returncode == code, ended.stderr
    assert len(lines) == 1
    assert "Traceback" not in ended.stderr
    assert "secret" not in ended.stderr
    assert "secret" not in ended.stdout
    assert {path.name for path in tmp_path.iterdir()} <= {"notes.txt", "runs"}
