from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from harness.statistics.holm import adjust, levels


def test_the_levels_of_the_textbook_case():
    # 0.01 <= 0.05/4 and 0.015 <= 0.05/3, but 0.03 > 0.05/2: there the correction stops.
    assert levels([0.03, 0.01, 0.015, 0.04], [0.05] * 4) == pytest.approx(
        [0.05 / 2, 0.05 / 4, 0.05 / 3, 0.05 / 2]
    )


def test_one_claim_needs_no_correction():
    assert levels([0.2], [0.05]) == [0.05]
    assert levels([], []) == []


@settings(max_examples=12, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 0.4))
def test_the_level_decides_as_the_adjusted_p_value_does(p, alpha):
    with mock.patch("gc.collect"):  # which it calls each time, a second where much is imported
        theirs = multipletests(p, alpha=alpha, method="holm")[1]
    assert adjust(p) == pytest.approx(theirs)
    at_level = np.array(p) <= np.array(levels(p, [alpha] * len(p)))
    assert (at_level == (adjust(p) <= alpha)).all()
