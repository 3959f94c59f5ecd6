import fractions

import pytest

from harness.core.errors import BadInput
from harness.core.registry import Registry

REGISTRY = Registry("family", "harness.nothing", {"fraction": "fractions:Fraction"})


def test_a_builtin_is_imported_when_asked_for():
    assert REGISTRY.load("fraction") is fractions.Fraction
    assert "fraction" in REGISTRY


def test_anything_importable_can_be_named():
    assert REGISTRY.load("os.path:join").__name__ == "join"


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(BadInput, match="unknown family 'fracton'; did you mean 'fraction'"):
        REGISTRY.load("fracton")


def test_a_module_that_is_not_there_is_bad_input():
    with pytest.raises(BadInput, match=r"cannot be imported: No module named 'no_such'"):
        REGISTRY.load("no_such.module:Thing")
