"""Files of published figures: what they say, and what is wrong with them in one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.config.published import load_published, shipped_published_files
from harness.config.published_types import PublishedRow, PublishedSource
from harness.core.errors import BadInput

ROOT = Path(__file__).parents[2]
TABLE = """\
title: Modes in the plane
source: {paper: "Lin et al. 2018, PacGAN", id: "arXiv:1712.04086", table: table 1}
reading: {verified: true, how: the authors' picture}
protocol: {dataset: ring, samples: 2_500, runs: 10}
spread: {kind: standard error, over: 10 trainings}
claims: [gan-packing]
counterparts:
  - {suite: modes, differs: [fewer points]}
columns:
  - {name: modes, metric: modes_covered, dataset: ring}
  - {name: "high quality, %", metric: high_quality, dataset: ring, factor: 100}
rows:
  - {name: GAN, models: {modes: gan/mlp}, values: [6.3 ± 0.5, 98.2]}
  - {name: ALI, values: ["6.60", 97]}
"""
CLAIMS = ["gan-packing"]


def written(folder: Path, text: str) -> Path:
    file = folder / "table.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_file_is_read_with_values_as_they_are_printed(tmp_path: Path):
    table = load_published(written(tmp_path, TABLE), CLAIMS)
    first, second = table.rows
    value = first.values[0]
    assert value is not None
    assert (value.text, value.value, value.spread, value.places) == ("6.3 ± 0.5", 6.3, 0.5, 1)
    assert second.text == "6.60, 97"
    assert [value.places for value in second.values if value] == [2, 0]
    assert table.counterparts[0].run == "harness run modes"
    assert table.source.link == "https://arxiv.org/abs/1712.04086"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("suite: modes,", "suite: mods,", r"table.yaml:8: no suite 'mods'; did you mean 'modes'"),
        ("{modes: gan/mlp}", "{modes: gan/mlpp}", r":13: the suite has no 'gan/mlpp'; did you"),
        ("{modes: gan/mlp}", "{grid: gan/mlp}", r":13: 'grid' is not among 'counterparts'"),
        ("metric: high_quality", "metric: high", r":11: the suite has no 'high'"),
        ("modes_covered, dataset: ring", "modes_covered, dataset: rung", r":10: .*'rung'; did you"),
        ("dataset: ring, factor: 100", "dataset: 'ring['", r":11: columns\[1\]\.dataset"),
        ("factor: 100", "factor: 0", r":11: .*should not be 0"),
        ("[gan-packing]", "[gan-paking]", r":6: no claim 'gan-paking'; did you mean 'gan-packing'"),
        (", 97]", "]", r":14: 1 values for 2 columns"),
        (", 97]", ", null]", r":14: a value is missing; say in 'reading'"),
        (", 97]", ", n/a]", r":14: .*'n/a': should be a number"),
        (", 97]", ", 97 ± much]", r":14: .*should be a number, or a number ± its spread"),
        (", 97]", ", true]", r":14: .*True: should be a number"),
        ("name: ALI", "name: GAN", r":12: row 'GAN' is there twice"),
        ("kind: standard error, over: 10 trainings", "kind: none stated", r":13: a spread, where"),
        (", over: 10 trainings", "", r":5: spread: .*'over' is missing"),
        ("arXiv:1712.04086", "1712.04086", r":2: source\.id"),
        ("verified: true, how: the authors' picture", "verified: false, how: no", r":13: values"),
        ("title: Modes in the plane\n", "", r"key 'title' is missing"),
        ("runs: 10", "run: 10", r":4: unknown key 'protocol\.run'; did you mean 'runs'"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, old: str, new: str, message: str):
    assert old in TABLE
    with pytest.raises(BadInput, match=message) as raised:
        load_published(written(tmp_path, TABLE.replace(old, new)), CLAIMS)
    assert "\n" not in str(raised.value)


def test_a_suite_stands_there_once_for_each_dataset(tmp_path: Path):
    again = "differs: [fewer points]}\n  - {suite: modes, dataset: grid}"
    text = TABLE.replace("differs: [fewer points]}", again)
    assert len(load_published(written(tmp_path, text), CLAIMS).counterparts) == 2
    twice = text.replace(", dataset: grid", "")
    with pytest.raises(BadInput, match=r":7: counterpart 'modes' is there twice"):
        load_published(written(tmp_path, twice), CLAIMS)


def test_a_class_is_measured_by_a_suite_of_each_class(tmp_path: Path):
    text = (
        TABLE.replace("suite: modes", "suite: one-class")
        .replace("modes: gan/mlp", "one-class: autoencoder/deep-svdd")
        .replace("modes_covered", "auroc")
        .replace("high_quality", "auroc")
        .replace("dataset: ring", "dataset: 'mnist[normal=3]'")
    )
    assert load_published(written(tmp_path, text), CLAIMS).columns[0].dataset == "mnist[normal=3]"
    with pytest.raises(BadInput, match=r"the suite has no 'mnist\[unseen=each\]'"):
        load_published(written(tmp_path, text.replace("normal=3", "unseen=3")), CLAIMS)


@given(st.decimals(-1000, 1000, places=3), st.decimals(0, 100, places=2))
def test_a_figure_keeps_its_digits(value: object, spread: object):
    (figure,) = PublishedRow(name="r", values=(f"{value} ± {spread}",)).values
    assert figure is not None
    assert figure.text == f"{value} ± {spread}"
    assert (figure.value, figure.spread, figure.places) == (float(value), float(spread), 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "1e5", "nan", "inf", "9" * 400, "1 ± -2", "± 3", "1.", "1 2"])
def test_other_text_is_no_figure(text: str):
    with pytest.raises(ValidationError, match="should be a number"):
        PublishedRow(name="r", values=(text,))


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("arXiv:1712.04086", "https://arxiv.org/abs/1712.04086"),
        ("doi:10.1016/0893-6080(89)90014-2", "https://doi.org/10.1016/0893-6080(89)90014-2"),
        ("https://proceedings.mlr.press/v80/", "https://proceedings.mlr.press/v80/"),
    ],
)
def test_a_source_has_a_link(name: str, link: str):
    assert PublishedSource(paper="p", id=name, table="table 1").link == link


def test_the_shipped_tables_are_of_several_papers_and_say_where_each_value_was_read():
    tables = [file.table for file in shipped_published_files()]
    assert len({table.source.id for table in tables if any(r.text for r in table.rows)}) >= 6
    for table in tables:
        for row in table.rows:
            reading = table.reading_of(row)
            assert reading.how
            assert reading.verified == (None not in row.values)


def test_the_start_to_copy_in_the_docs_is_right(tmp_path: Path):
    page = (ROOT / "docs/published-figures.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert load_published(written(tmp_path, text), CLAIMS).rows[0].name == "DCGAN"
