from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import BadInput
from harness.networks.sizes import check_image_size, pyramid


@given(st.integers(2, 128).map(lambda n: 4 * n))
def test_every_level_halves_and_the_lowest_cannot(size: int) -> None:
    sizes = pyramid(size)
    assert len(sizes) >= 2
    assert all(high == 2 * low for high, low in pairwise(sizes))
    assert sizes[-1] >= 4
    assert sizes[-1] % 2 == 1 or sizes[-1] < 8


@pytest.mark.parametrize("size", [0, 4, 9, 30])
def test_other_sizes_are_refused(size: int) -> None:
    with pytest.raises(BadInput, match="multiples of 4 from 8 up"):
        check_image_size(size)
