import csv
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.core.errors import BadInput
from harness.data.captions import load_captions

# No lone surrogates, which are no text; no NUL and no returns, which a CSV cannot hold as they are.
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1, max_size=20
).filter(str.strip)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(captions=st.dictionaries(texts, texts, min_size=1, max_size=5))
def test_what_is_written_is_read_back_in_the_order_of_the_names(tmp_path, captions):
    names = sorted(captions)
    with (tmp_path / "c.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["extra", "caption", "file"])
        writer.writerows(["x", caption, name] for name, caption in captions.items())
    lines = [json.dumps({"file": name, "caption": text}) for name, text in captions.items()]
    (tmp_path / "c.jsonl").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    for name in ("c.csv", "c.jsonl"):
        assert load_captions(tmp_path / name, names) == [captions[name] for name in names]


def refused(path, text, *expected, names=("a.png",)):
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    with pytest.raises(BadInput) as caught:
        load_captions(path, names)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    for words in expected:
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [":1: the first line names []; file and caption"]),
        ("name,caption\na.png,A\n", [":1: the first line names ['name', 'caption']"]),
        ("file,caption\na.png,A cat, asleep\n", [":2: 3 values", "needs quotes"]),
        ("file,caption\na.png\n", [":2: 1 value,"]),
        ("file,caption\n\na.png,  \n", [":3: the caption of 'a.png' is empty"]),
        ('file,caption\nb.png,"two\nlines"\na.png,\n', [":4: the caption of 'a.png'"]),
        ("file,caption\na.png,A\nb.png,B\na.png,C\n", [":4: 'a.png' has a caption on line 2"]),
        ('file,caption\na.png,"A\n', [":2: "]),
        ("file,caption\nb.png,B\n", ["1 of 1 image without a caption: a.png (of 1 file with"]),
        (b"file,caption\na.png,A\nb.png,\xff\n", [":3: not UTF-8"]),
    ],
)
def test_a_table_that_is_wrong(tmp_path, text, expected):
    refused(tmp_path / "c.csv", text, *expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('\n{"file": "a.png"}', [':2: {"file": "…", "caption": "…"} is needed']),
        ('{"file": "a.png", "caption": 3}', [":1: "]),
        ('["a.png", "A"]', [":1: "]),
        ('{"file": "b", "caption": "B"}\n{"file": ', [":2: not JSON"]),
        ('{"file": "a.png", "caption": ""}', [":1: the caption of 'a.png' is empty"]),
    ],
)
def test_lines_that_are_wrong(tmp_path, text, expected):
    refused(tmp_path / "c.jsonl", text, *expected)


def test_missing_captions_are_listed_up_to_three(tmp_path):
    names = [f"{i}.png" for i in range(6)]
    refused(
        tmp_path / "c.csv", "file,caption\n1.png,A\n", "5 of 6 images without a caption: "
        "0.png, 2.png, 3.png, … (of 1 file with", names=names,
    )  # fmt: skip


def test_other_files(tmp_path):
    refused(tmp_path / "c.txt", "", "captions are read from a .csv or a .jsonl")
    with pytest.raises(BadInput, match=r"none\.csv: cannot be read"):
        load_captions(tmp_path / "none.csv", ["a"])


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    (tmp_path / "c.csv").write_text("file,caption\na.png,Ä\n", encoding="utf-8-sig")
    assert load_captions(tmp_path / "c.csv", ["a.png"]) == ["Ä"]
