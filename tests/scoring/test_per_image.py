"""Tables of a value of each image."""

import json

import pandas as pd
import pytest

from harness.core.errors import BadInput
from harness.metrics import load_metric
from harness.scoring.per_image import ImageTable, check_has_values, check_table_suffix

TABLE = ImageTable(["a.png", "=b.png"], {"psnr": [30.25, float("inf")], "prompt": ["x", "y, z"]})


def test_csv_has_every_digit_and_no_formula(tmp_path):
    TABLE.write(tmp_path / "t.csv")
    table = pd.read_csv(tmp_path / "t.csv")
    assert table.image.tolist() == ["a.png", "'=b.png"]
    assert table.psnr.tolist() == [30.25, float("inf")]
    assert table.prompt.tolist() == ["x", "y, z"]


def test_json_lines_have_null_for_what_is_not_finite(tmp_path):
    TABLE.write(tmp_path / "t.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert lines == [
        {"image": "a.png", "psnr": 30.25, "prompt": "x"},
        {"image": "=b.png", "psnr": None, "prompt": "y, z"},
    ]


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(BadInput, match="suffix"):
        check_table_suffix(tmp_path / "t.txt")


def test_metrics_of_sets_have_no_values_of_images():
    check_has_values([load_metric("fid"), load_metric("psnr")])
    with pytest.raises(BadInput, match="a value of each image"):
        check_has_values([load_metric("fid")])
