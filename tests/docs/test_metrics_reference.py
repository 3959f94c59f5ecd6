"""docs/metrics.md is the reference: no metric is missing, and none is there that does not exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.metrics import METRICS

PAGE = (Path(__file__).parent.parent.parent / "docs/metrics.md").read_text()
SECTIONS = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##)", PAGE, re.M | re.S))


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_has_a_section_with_its_direction_and_blind_spots(name: str):
    body = SECTIONS[name].lower()
    assert METRICS[name].better in body
    assert "blind spots" in body
    if paper := re.search(r"arXiv:[\d.]+", METRICS[name].paper):
        assert paper[0].lower() in body


@pytest.mark.slow
def test_the_faults_of_libraries_are_there_to_see():
    """Each example in a process of its own: some change the library they look at."""
    examples = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert len(examples) == 5
    for example in examples:
        ended = subprocess.run(
            [sys.executable, "-c", example],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        stated = re.findall(r"\d\.\d\d", "".join(re.findall(r"#(.*)", example)))
        printed = re.sub(r"(\d\.\d\d)\d*", r"\1", ended.stdout)
        assert all(number in printed for number in stated), f"{example}\n{ended.stdout}"
