"""How a codebook is used: exact cases."""

import math

import pytest
import torch

from harness.core.errors import BadInput
from harness.metrics import codebook_usage, index_bits

SYMBOLS = torch.tensor([[[0, 1], [1, 3]], [[3, 3], [0, 0]]])


def test_the_share_of_entries_in_use():
    assert codebook_usage(SYMBOLS, 4).value == 3 / 4
    assert codebook_usage(torch.arange(8).view(2, 4), 8).value == 1
    assert codebook_usage(SYMBOLS, 4).stderr is None


def test_the_bits_of_symbols_as_numbers():
    assert index_bits(SYMBOLS, 4).value == 4 * 2
    assert index_bits(SYMBOLS, 1000).value == pytest.approx(4 * math.log2(1000))
    assert index_bits(SYMBOLS, 4).stderr == 0


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        (SYMBOLS + 1, "symbols are 1 to 4; a codebook of 4 has 0 to 3"),
        (SYMBOLS - 1, "symbols are -1 to 2"),
        (SYMBOLS.float(), "int64, a row an image, are needed"),
        (SYMBOLS[:0], "int64, a row an image, are needed"),
    ],
)
def test_other_symbols_are_refused(symbols, message):
    for metric in (codebook_usage, index_bits):
        with pytest.raises(BadInput, match=message):
            metric(symbols, 4)
