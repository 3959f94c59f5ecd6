import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.spec.errors import BadInput
from harness.spec.reference import Reference, parse_reference

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*", fullmatch=True)
keys = st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True)
values = st.from_regex(r"[A-Za-z0-9_.:/+-]+", fullmatch=True)
references = st.builds(Reference, names, st.dictionaries(keys, values, max_size=4))


@given(references)
def test_what_is_written_is_read_back(reference):
    assert parse_reference(str(reference)) == reference


@given(st.text(max_size=30))
def test_any_text_is_a_reference_or_bad_input(text):
    with contextlib.suppress(BadInput):
        assert parse_reference(str(parse_reference(text))) == parse_reference(text)


def test_options_are_sorted_and_spaces_do_not_count():
    written = str(parse_reference(" set[ b=2 , a=1+3 ]"))
    assert written == "set[a=1+3,b=2]"


@pytest.mark.parametrize(
    "text", ["", "[a=1]", "x[", "x]", "x[]", "x[a]", "x[a=]", "x[a=1,]", "a b"]
)
def test_bad_syntax_is_answered_with_the_form(text):
    with pytest.raises(BadInput, match=r"the form is NAME or NAME\[option=value"):
        parse_reference(text)


def test_an_option_given_twice_is_refused():
    with pytest.raises(BadInput, match="option 'a' is given twice in"):
        parse_reference("x[a=1,a=2]")
