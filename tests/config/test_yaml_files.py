import contextlib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.json_files import load_json
from harness.config.yaml_files import MAX_BYTES, load_yaml
from harness.core.errors import BadInput, SpecError


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "file.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_every_key_and_element_has_its_line(written):
    document = load_yaml(written("# a comment\na: 1\nb:\n  - x\n  - c: 2\n    d: [3,\n      4]\n"))
    lines = {keys: place.line for keys, place in document.places.items()}
    assert document.value == {"a": 1, "b": ["x", {"c": 2, "d": [3, 4]}]}
    assert lines == {
        (): 1, ("a",): 2, ("b",): 3, ("b", 0): 4, ("b", 1): 5, ("b", 1, "c"): 5,
        ("b", 1, "d"): 6, ("b", 1, "d", 0): 6, ("b", 1, "d", 1): 7,
    }  # fmt: skip


def test_what_is_not_in_the_file_is_at_what_is_around_it(written):
    document = load_yaml(written("a: 1\nb: {c: 2}\n"))
    assert document.place(("b", "missing", 3)).line == 2
    assert str(document.error("wrong", ("a",))) == f"{document.path}:1: wrong"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4), ("1.0e-4", 1e-4), ("2E5", 2e5), ("400_000", 400_000), ("-3", -3),
        (".5", 0.5), ("010", "010"), ("1:30", "1:30"), ("no", "no"), ("on", "on"), ("true", True),
        ("null", None), ("~", None), ("", None), ("2024-01-01", "2024-01-01"), ("'1'", "1"),
        ("0x10", "0x10"), ("e", "e"), (".", "."), ("1.5.2", "1.5.2"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(written, text, value):
    read = load_yaml(written(f"key: {text}\n")).value["key"]
    assert read == value
    assert type(read) is type(value)


words = st.text(st.characters(exclude_categories=["Cc", "Cs"]))
whole = st.integers(-(10**18), 10**18)
plain = st.recursive(
    st.none() | st.booleans() | whole | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None, max_examples=50)
@given(value=st.dictionaries(words, plain, max_size=4))
def test_what_pyyaml_writes_is_read_back(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("yaml") / "file.yaml"
    path.write_text(yaml.safe_dump(value, default_style='"'), encoding="utf-8", newline="")
    assert load_yaml(path).value == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: " + "9" * 5000, "file.yaml:2: a number of 5,000 digits"),
        ("a: 1\nb: " + "[" * 60 + "]" * 60, "file.yaml:2: nested too deeply"),
        ("a: 1\nb: " + "[" * 30_000, "file.yaml:2: nested too deeply"),
        ('a: 1\n"b\\x00": c', "file.yaml:2: has the character '\\x00'"),
        ('a: 1\nb: "\\ud800"', "file.yaml:2: not YAML: "),
        ('a: 1\nb: "\\x1b[31m"', "file.yaml:2: has the character '\\x1b'"),
    ],
)
def test_what_is_no_text_or_number_of_any_use(written, text, message):
    with pytest.raises(SpecError) as refused:
        load_yaml(written(text))
    assert message in str(refused.value)


@settings(deadline=None)
@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_a_mapping_or_bad_input(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("yaml") / "file.yaml"
    path.write_bytes(text.encode())
    with contextlib.suppress(BadInput):
        assert isinstance(load_yaml(path).value, dict)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' is given twice, first in line 1"),
        ("x:\n  {b: 1, b: 2}\n", 2, "key 'b' is given twice, first in line 2"),
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "expected ',' or ']'"),
        ("a: b: c\n", 1, "not YAML: mapping values are not allowed "),
        ("- a\n- b\n", 1, "should be a mapping"),
        ("just words\n", 1, "should be a mapping"),
        ("", 1, "should be a mapping"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML: but found another document"),
        ("a: 1\n8: 2\n", 2, "a key should be a word"),
        ("? [a]\n: 1\n", 1, "a key should be a word"),
        ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2, "stands for no plain value"),
        ("a: !!int ''\n", None, "not YAML"),
        ("a: &x [*x]\n", 1, "expand without end"),
        ("a: *nothing\n", 1, "undefined alias"),
        ("a: \x07\n", None, "not YAML"),
        ("a: " + 5000 * "[" + "\n", 1, "nested too deeply"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(written, text, line, message):
    path = written(text)
    with pytest.raises(SpecError) as caught:
        load_yaml(path)
    where = f"{path}:{line}: " if line else f"{path}: "
    assert str(caught.value).startswith(where)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_aliases_are_read_but_may_not_explode(written):
    assert load_yaml(written("a: &x [1]\nb: *x\n")).value == {"a": [1], "b": [1]}
    bomb = "a0: &a0 [x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))
    with pytest.raises(SpecError, match="expand without end"):
        load_yaml(written(bomb))


def test_files_that_cannot_be_read_are_bad_input(tmp_path):
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        load_yaml(tmp_path / "absent.yaml")
    with pytest.raises(BadInput, match="cannot be read: Is a directory"):
        load_yaml(tmp_path)
    binary, large = tmp_path / "binary.yaml", tmp_path / "large.yaml"
    binary.write_bytes(b"\xff\x00")
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(SpecError, match="not UTF-8"):
        load_yaml(binary)
    with pytest.raises(BadInput, match="larger than"):
        load_yaml(large)


def test_sections_of_ones_own_and_merge_keys(tmp_path):
    file = tmp_path / "suite.yaml"
    file.write_text(
        "x-gan: &gan\n  model: gan/dcgan\n  delta: 0.1\n"
        "claims:\n- <<: *gan\n  id: a\n- <<: [{delta: 0.2}, *gan]\n  id: b\n"
    )
    read = load_yaml(file)
    assert read.value == {
        "claims": [
            {"id": "a", "model": "gan/dcgan", "delta": 0.1},
            {"id": "b", "delta": 0.2, "model": "gan/dcgan"},
        ]
    }
    assert read.place(("claims", 0, "delta")).line == 3, "where it is written"
    assert read.place(("claims", 1, "id")).line == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &a {<<: *a}\n", ":1: <<: the mapping merges itself"),
        ("a: &a {b: &b {<<: *a}}\n", ":1: <<: the mapping merges itself"),
        ("a:\n  <<: 5\n", ":2: <<: takes a mapping or a list of them"),
        ("a: {<<: [5]}\n", ":1: <<: takes a mapping or a list of them"),
        (
            "x-a: &a {" + ", ".join(f"k{i}: 1" for i in range(2000)) + "}\n"
            "b: [" + ", ".join("{<<: *a}" for _ in range(2000)) + "]\n",
            ":1: its merge keys (<<) expand without end",
        ),
    ],
)
def test_merge_keys_that_stand_for_no_mapping(tmp_path, text, said):
    file = tmp_path / "suite.yaml"
    file.write_text(text)
    with pytest.raises(SpecError) as caught:
        load_yaml(file)
    assert str(caught.value) == f"{file}{said}"


def test_a_byte_order_mark_is_no_text(tmp_path):
    file = tmp_path / "suite.yaml"
    file.write_bytes("title: ü\n".encode("utf-8-sig"))
    assert load_yaml(file).value == {"title": "ü"}
    assert load_yaml(file).text == "title: ü\n"
    file.write_bytes("title: ü\n".encode("utf-16"))
    with pytest.raises(SpecError, match="UTF-16 text; save it as UTF-8"):
        load_yaml(file)
    (tmp_path / "f.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert load_json(tmp_path / "f.json").value == {"a": 1}
