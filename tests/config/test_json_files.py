"""JSON that anyone may have written."""

import pytest

from harness.config.json_files import parse_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", "NaN"), ("[-Infinity]", ["-Infinity"]), ("1e999", "1e999"), ("1e308", 1e308),
        ("9" * 5000, "9" * 5000), ("-9223372036854775808", -(2**63)),
        ('{"a": [1, 2.5]}', {"a": [1, 2.5]}),
    ],
)  # fmt: skip
def test_what_no_number_is_reads_as_a_word(text: str, value: object):
    assert parse_json(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 60 + "]" * 60, "nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": 1, "a": 2}', "key 'a' is given twice"),
        ('["\\ud800"]', "has the character"),
        ("[1,", "Expecting value"),
    ],
)
def test_what_is_refused(text: str, said: str):
    with pytest.raises(ValueError, match=said):
        parse_json(text)
