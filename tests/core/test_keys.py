import pytest

from harness.core.keys import digest


def test_order_of_keys_does_not_matter_and_values_do():
    assert digest({"a": 1, "b": [1.5, None]}) == digest({"b": [1.5, None], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})
    assert digest({"a": 1}) != digest({"a": 1.0000001})


def test_nan_is_refused_because_it_equals_nothing():
    with pytest.raises(ValueError, match="not JSON compliant"):
        digest({"a": float("nan")})
