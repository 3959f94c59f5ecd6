import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.reference import Reference, parse_reference
from harness.core.errors import BadInput

words = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_./-]*", fullmatch=True)
paths = st.from_regex(r"[\w ./+@~()=&'#:-]*[\w/]", fullmatch=True).filter(str.isprintable)
names = words | st.builds("{}:{}".format, words, paths)
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


@pytest.mark.parametrize(
    "path", ["/data/My cats (2)", "~/a+b@c", "./x=y", "ümlaut/naïve", "C:/x", "c\\d", "日本"]
)
def test_ordinary_paths_may_stand_after_the_colon(path):
    assert parse_reference(f"folder:{path}[size=32]") == Reference(f"folder:{path}", {"size": "32"})


@pytest.mark.parametrize("path", ["a,b", "a|b", "a\nb", "a\tb", "a\u202eb", "<b>", 'a"b', "a]"])
def test_a_path_with_signs_that_mean_something_elsewhere_is_refused(path):
    with pytest.raises(BadInput, match="is not a name"):
        parse_reference(f"folder:{path}")


def test_an_option_given_twice_is_refused():
    with pytest.raises(BadInput, match="option 'a' is given twice in"):
        parse_reference("x[a=1,a=2]")
