"""docs/metrics.md is the reference: no metric is missing, and none is there that does not exist."""

import re
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
