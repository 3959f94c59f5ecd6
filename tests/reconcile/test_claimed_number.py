"""What a printed number leaves open."""

import pytest

from harness.core.errors import BadInput
from harness.reconcile.claimed_number import parse_claim


@pytest.mark.parametrize(
    ("text", "value", "rounding"),
    [
        ("fid=1.5", 1.5, 0.05),
        ("fid=1.50", 1.5, 0.005),
        ("fid=12", 12, 0.5),
        ("kid=1.2e-3", 0.0012, 0.00005),
        ("kid=-0.001", -0.001, 0.0005),
        (" lpips = 0.0821 ", 0.0821, 0.00005),
    ],
)
def test_the_digits_say_how_exact_a_number_is(text: str, value: float, rounding: float):
    claim = parse_claim(text)
    assert claim.value == value
    assert claim.rounding == pytest.approx(rounding, rel=1e-12)
    assert claim.is_of_pairs == ("lpips" in text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("fid", "METRIC=NUMBER is needed, such as fid=1.50"),
        ("fid=", "METRIC=NUMBER is needed"),
        ("fid=nan", "METRIC=NUMBER is needed"),
        ("fid=inf", "METRIC=NUMBER is needed"),
        ("fid=1,5", "METRIC=NUMBER is needed"),
        ("fid=1e999", "METRIC=NUMBER is needed"),
        ("fdi=1.5", "no protocols of 'fdi' are searched; did you mean 'fid'?"),
        ("auroc=0.9", "there are: fid, sfid, kid"),
    ],
)
def test_what_is_no_claim_is_one_line(text: str, line: str):
    with pytest.raises(BadInput) as error:
        parse_claim(text)
    assert line in str(error.value)
    assert "\n" not in str(error.value)
