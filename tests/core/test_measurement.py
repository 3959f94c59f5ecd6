import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.measurement import COLUMNS, CellResult, Measurement, tidy
from harness.core.protocol import Protocol

FID = Protocol(
    "fid", 1, "cifar10", "inception-tf2015@6726825d", "tf1-bilinear", "u8", 10000, 10000, "test"
)


@given(st.floats(allow_nan=False, allow_infinity=False), st.text())
def test_a_row_survives_json_to_the_last_bit(value: float, reason: str):
    row = Measurement("fid", "ok", FID, "k", value, None, None, reason)
    assert Measurement.from_json(row.to_json()) == row


def test_a_missing_number_is_nan_in_the_table_and_says_why():
    rows = (
        Measurement("fid", "ok", FID, "k1", 12.5),
        Measurement(
            "psnr", "not applicable", Protocol("psnr"), "k2", reason="does not reconstruct"
        ),
    )
    table = tidy([CellResult("cifar10", "gan/dcgan", 0, "t", "ok", "run", measurements=rows)])
    assert list(table.columns) == COLUMNS
    assert table.value[0] == 12.5
    assert math.isnan(table.value[1])
    assert table.reason[1] == "does not reconstruct"


def test_no_cells_give_an_empty_table_with_its_columns():
    assert list(tidy([]).columns) == COLUMNS


@pytest.mark.parametrize("value", [1e308, -1e101, math.inf, math.nan])
def test_a_value_that_nothing_can_be_computed_of_is_a_failure(value: float):
    recorded = Measurement("fid", "ok", FID, "k", value)
    assert (recorded.status, recorded.value) == ("failed", None)
    assert recorded.reason == f"the value is {value}"
    assert Measurement("fid", "ok", FID, "k", 1e100).value == 1e100
