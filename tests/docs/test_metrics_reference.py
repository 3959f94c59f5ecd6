"""docs/metrics.md is the reference: no metric is missing, and none is there that does not exist."""

import re
from pathlib import Path

import pytest
from forking import Forks

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
def test_the_faults_of_libraries_are_there_to_see(tmp_path: Path):
    """Each example in a process of its own: some change the library they look at."""
    examples = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    assert len(examples) == 5
    with Forks(["numpy", "torch", "torchvision", "torchmetrics"]) as run:
        for number, example in enumerate(examples):
            (folder := tmp_path / str(number)).mkdir()
            ended = run(example, folder)
            assert ended.returncode == 0, ended.stderr
            stated = re.findall(r"\d\.\d\d", "".join(re.findall(r"#(.*)", example)))
            printed = re.sub(r"(\d\.\d\d)\d*", r"\1", ended.stdout)
            assert all(number in printed for number in stated), f"{example}\n{ended.stdout}"
