import pytest

from harness.core.protocol import Protocol
from harness.core.protocol_differences import differing_fields


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"extractor": "clip@cd"}, "extractor (inception@ab against clip@cd)"),
        ({"samples": 90}, "counts (n=500/500 test against n=90/500 test)"),
        ({"quantisation": "f32"}, "quantisation (u8 against f32)"),
        ({"preprocessing": "none"}, "preprocessing (tf1-bilinear against none)"),
        ({"settings": {"k": 5}}, "k (k=3 against k=5)"),
        ({"version": 2}, "version (none against v2)"),
        ({"reference_digest": "ff"}, "the reference images (dataset or reference digest)"),
    ],
)
def test_the_field_that_differs_is_named(changes, named):
    fields = {
        "metric": "fid", "extractor": "inception@ab", "preprocessing": "tf1-bilinear",
        "quantisation": "u8", "samples": 500, "reference": 500, "split": "test",
        "reference_digest": "00", "settings": {"k": 3},
    }  # fmt: skip
    one, other = Protocol(**fields), Protocol(**{**fields, **changes})
    assert differing_fields([one.label(), other.label()]) == named
