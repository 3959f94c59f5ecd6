import ast
import io
import math
from pathlib import Path

import pandas as pd
import pytest

import harness
from harness.core.csv_text import from_csv, to_csv

FORMULAS = ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", "＝1"]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_is_text(formula):
    written = to_csv(pd.DataFrame({"model": [formula, "gan"], formula: [-1.5, 2.0]}))
    table = pd.read_csv(io.StringIO(written))
    assert table["model"].tolist() == [f"'{formula}".replace("\r", "\n"), "gan"]
    assert table.iloc[:, 1].tolist() == [-1.5, 2.0]
    assert table.columns[1].startswith("'")


def test_a_carriage_return_begins_no_row():
    written = to_csv(pd.DataFrame({"reason": ["bad\r=1+1", "bad\r\nworse"]}))
    assert "\r" not in written
    assert len(pd.read_csv(io.StringIO(written))) == 2


def test_a_table_comes_back_to_the_bit():
    table = pd.DataFrame(
        {"model": ["=1", "'a", "NA", "7", ""], "seed": range(5),
         "value": [1 / 3, 5e-324, math.nan, -math.inf, 1.0]}
    )  # fmt: skip
    back = from_csv(to_csv(table), {"model": str, "seed": int, "value": float})
    pd.testing.assert_frame_equal(back, table, check_exact=True)


@pytest.mark.parametrize("text", ["model\na\n", "model,seed\na,0.5\n", "model,seed\na,\n", ""])
def test_a_table_with_other_columns_is_refused(text):
    with pytest.raises(ValueError, match=r"seed|invalid literal|No columns"):
        from_csv(text, {"model": str, "seed": int})


def test_no_other_module_writes_csv():
    package = Path(harness.__file__).parent
    for file in package.rglob("*.py"):
        if file == package / "core" / "csv_text.py":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                assert node.attr != "to_csv", file
                assert ast.unparse(node) not in ("csv.writer", "csv.DictWriter"), file
