"""Boards across suites: which models are one, which numbers stand together, and the page."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from html_structure import Structure
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_results import METRICS, synthetic

from harness.core.measurement import COLUMNS, HELD_OUT, TRAINING_IMAGES
from harness.families import FAMILIES
from harness.families.real_images import RealImages
from harness.report.site.board_page import boards_page, report_letters
from harness.report.site.board_tables import SiteTable, site_tables
from harness.report.site.build import build_site
from harness.report.site.number_history import NumberHistory
from harness.report.site.papers import RecipeNotes
from harness.report.site.published import (
    REAL_IMAGES,
    PublishedModel,
    SourceReport,
    merge_models,
    published_table,
)
from harness.report.site.published_numbers import (
    PublishedNumbers,
    gather_published,
    read_published,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

REPORTS = Path(__file__).parents[2] / "reports"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def row(seed: int, value: float, **changes: object) -> dict[str, object]:
    plain = {
        "dataset": "digits", "model": "gan/a", "seed": seed, "metric": "fid", "status": "ok",
        "value": value, "stderr": math.nan, "over": "", "reason": "", "protocol": "fid[n=9]",
        "protocol_key": "p", "training_key": f"t{seed}", "measurement_key": f"m{seed}",
        "run_id": "",
    }  # fmt: skip
    return {**plain, **changes}


def model(
    suite: str, rows: Sequence[dict[str, object]], family: str = "gan", images: int | None = 100
) -> PublishedModel:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    report = SourceReport(suite, f"Suite {suite}", "2026-01-01")
    notes = RecipeNotes(family)
    return PublishedModel(report, str(frame["model"].iloc[0]), frame, images, None, notes)


def numbers_of(models: Sequence[PublishedModel], *floors: pd.DataFrame) -> PublishedNumbers:
    entries = merge_models(models)
    reports = tuple({each.report.name: each.report for each in models}.values())
    table = published_table(entries, floors)
    return PublishedNumbers(reports, tuple(entries), table, METRICS, {}, {})


def only_table(numbers: PublishedNumbers) -> SiteTable:
    (table,) = site_tables(numbers)
    return table


def test_two_suites_with_the_same_runs_are_one_entry_of_all_their_seeds():
    numbers = numbers_of(
        [model("x", [row(0, 2.0), row(1, 8.0)]), model("y", [row(1, 8.0), row(2, 4.0)])]
    )
    (entry,) = numbers.entries
    assert entry.label == "gan/a"
    assert list(numbers.table["value"]) == [2.0, 8.0, 4.0]
    (line,) = only_table(numbers).rows
    assert line.cells[0].row.mean == pytest.approx(4.0)  # the geometric mean of 2, 8 and 4
    assert line.cells[0].row.seeds == 3
    assert [report.name for report in line.cells[0].sources] == ["x", "y"]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([row(0, 3.0, training_key="other")], "a seed was trained by other code"),
        ([row(5, 3.0)], "no seed proves that the trainings are the same"),
        ([row(0, 3.0, measurement_key="other")], "it was sampled or measured by other code"),
        ([row(0, 2.0), row(1, 8.0, training_key="other")], "one of two seeds differs"),
    ],
)
def test_models_whose_keys_do_not_prove_it_are_not_one(rows: list[dict[str, object]], why: str):
    first = [row(0, 2.0), row(1, 8.0)]
    entries = merge_models([model("x", first), model("y", rows)])
    assert [entry.label for entry in entries] == ["gan/a (x)", "gan/a (y)"], why
    assert [entry.apart for entry in entries] == ["x", "y"]


def test_two_budgets_are_two_entries_that_say_so():
    other = [row(0, 1.0, training_key="other")]
    entries = merge_models([model("x", [row(0, 2.0)]), model("y", other, images=25_000)])
    assert [entry.label for entry in entries] == ["gan/a (100 images)", "gan/a (25,000 images)"]
    assert not any(entry.apart for entry in entries)


def test_of_a_number_that_two_reports_have_the_newest_stands_and_a_failure_gives_way():
    failure = row(0, math.nan, metric="kid", status="failed", reason="memory", protocol_key="q")
    newest = [row(0, 2.0), failure]
    oldest = [row(0, 5.0), {**failure, "status": "ok", "value": 7.0}]
    table = numbers_of([model("new", newest), model("old", oldest)]).table
    assert dict(zip(table["metric"], table["value"], strict=True)) == {"fid": 2.0, "kid": 7.0}


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_column_has_numbers_of_two_protocols(data: st.DataObject):
    """Every mean of every table is that of the rows with its column's protocol key alone."""
    places = st.tuples(
        st.sampled_from(["x", "y", "z"]),
        st.sampled_from(["gan/a", "vae/b"]),
        st.integers(0, 3),
        st.sampled_from(["fid", "recall"]),
        st.sampled_from(["p", "q", "r"]),
    )
    chosen = data.draw(st.lists(places, min_size=1, max_size=25, unique=True))
    by_model: dict[tuple[str, str], list[dict[str, object]]] = {}
    for suite, name, seed, metric, protocol in chosen:
        key = f"{metric}{protocol}"
        value = data.draw(st.floats(0.1, 9.0), label="value")
        code = data.draw(st.sampled_from(["one", "two"]), label="code")
        by_model.setdefault((suite, name), []).append(
            row(seed, value, model=name, metric=metric, protocol_key=key,
                protocol=f"{metric}[extractor {protocol}]", training_key=f"{name}{seed}",
                measurement_key=f"{name}{seed}{key}{code}")
        )  # fmt: skip
    numbers = numbers_of([model(suite, rows) for (suite, _), rows in by_model.items()])
    shown = set()
    for table in site_tables(numbers):
        for line in table.rows:
            for column, cell in zip(table.columns, line.cells, strict=True):
                if cell.row is None or cell.row.mean is None:
                    continue
                key = column.board.protocol_key
                rows = pd.concat([part.rows for part in line.entry.parts])
                rows = rows[rows["protocol_key"] == key].drop_duplicates("seed")
                values = rows["value"].astype(float)
                mean = math.exp(values.map(math.log).mean())
                expected = mean if column.metric.scale == "log" else values.mean()
                assert cell.row.mean == pytest.approx(expected)
                assert cell.row.seeds == len(values)
                assert {each.name for each in cell.sources} <= {
                    part.report.name
                    for part in line.entry.parts
                    if key in set(part.rows["protocol_key"])
                }
                shown.add((line.entry.label, key))
    table = numbers.table
    assert shown == set(zip(table["model"], table["protocol_key"], strict=True))


def values(name: str, numbers: Sequence[float], **changes: object) -> list[dict[str, object]]:
    return [
        row(seed, value, model=name, training_key=f"{name}{seed}", **changes)
        for seed, value in enumerate(numbers)
    ]


def marks_and_ranks(*models: PublishedModel) -> tuple[str, list[bool]]:
    table = only_table(numbers_of(models))
    return table.columns[0].mark, [line.cells[0].is_ranked for line in table.rows]


def test_a_column_says_why_it_ranks_nobody():
    apart = [
        model("x", values(name, [at, at + 0.1, at - 0.2])) for name, at in (("a", 1), ("b", 9))
    ]
    assert marks_and_ranks(*apart) == ("", [True, True])
    assert marks_and_ranks(apart[0]) == ("one model, no rank", [False])
    few = [model("x", values("a", [1.0, 1.1])), model("x", values("b", [9.0, 9.1]))]
    assert marks_and_ranks(*few) == ("fewer than three seeds", [False, False])
    alike = [model("x", values("a", [1.0, 2.0, 3.0])), model("x", values("b", [1.0, 2.1, 3.0]))]
    assert marks_and_ranks(*alike) == ("not told apart (n = 3)", [True, True])


def test_equal_means_share_a_place_and_the_tests_say_who_is_better_than_whom():
    models = [
        model("x", values("a", [1.0, 1.1, 0.9])),
        model("x", values("b", [1.0, 1.1, 0.9])),
        model("x", values("c", [9.0, 9.2, 9.1])),
    ]
    lines = only_table(numbers_of(models)).rows
    assert [line.entry.label for line in lines] == ["a", "b", "c"]
    assert [line.cells[0].order for line in lines] == [0, 0, 2]
    assert [line.cells[0].over for line in lines] == [(2,), (2,), ()]


def test_real_images_stand_below_and_change_no_rank():
    models = [
        model("x", values("a", [2.0, 2.1, 2.2])),
        model("x", values("b", [8.0, 8.1, 8.2])),
    ]
    real = model("x", values("disturbed/none", [1.0, 1.0, 1.1]), family="disturbed", images=0)
    table, without = (only_table(numbers_of(each)) for each in ([*models, real], models))
    assert [line.entry.label for line in table.real] == ["disturbed/none"]
    assert table.real[0].cells[0].row.mean is not None
    assert not table.real[0].cells[0].is_ranked
    assert [line.cells for line in table.rows] == [line.cells for line in without.rows]


def test_the_families_of_real_images_are_those_whose_samples_are():
    real = {name for name in FAMILIES.names() if issubclass(FAMILIES.load(name), RealImages)}
    assert set(REAL_IMAGES) == real


def test_every_kind_of_real_images_has_a_line():
    floors = [
        row(0, 0.5, model=TRAINING_IMAGES, training_key=""),
        row(0, 0.7, model=HELD_OUT, training_key=""),
    ]
    lines = pd.DataFrame(floors, columns=COLUMNS)
    table = only_table(numbers_of([model("x", values("a", [1.0]))], lines))
    assert table.floors == ((TRAINING_IMAGES, ("0.50",)), (HELD_OUT, ("0.70",)))


def test_the_mean_over_classes_stands_for_them_with_keys_of_its_own():
    results = synthetic()
    datasets = tuple(dataset.name for dataset in results.datasets)
    record = replace(results, each={"digits[unseen=each]": datasets})
    numbers = gather_published({"suite": record})
    assert {entry.dataset for entry in numbers.entries} == {"digits[unseen=each]"}
    table = numbers.table
    keys = table.loc[table["dataset"] == "digits[unseen=each]", "training_key"]
    assert len(keys)
    assert keys.str.fullmatch("[0-9a-f]{20}").all()
    again = gather_published({"one": record, "two": record})
    assert all(len(entry.parts) == 2 for entry in again.entries)


def test_letters_go_on_after_z():
    names = [f"{i:03}" for i in range(60)]
    letters = report_letters(names)
    assert [letters[names[i]] for i in (0, 25, 26, 51, 52)] == ["a", "z", "aa", "az", "ba"]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The boards of two suites, beside their reports."""
    folder = tmp_path_factory.mktemp("reports")
    for name in ("quickstart", "stability"):
        shutil.copytree(REPORTS / name, folder / name)
    shutil.copy(REPORTS / "history.csv", folder)
    for name, text in build_site(folder).items():
        if "/" not in name:
            (folder / name).write_text(text, encoding="utf-8")
    return folder / "boards.html"


@pytest.fixture(scope="module")
def numbers(page: Path) -> PublishedNumbers:
    """What the reports beside the page measured."""
    return read_published(page.parent)


def test_runs_of_published_reports_are_in_the_entry_of_their_keys(numbers: PublishedNumbers):
    """The two were trained by different code: same name, same budget, other keys."""
    gans = [e for e in numbers.entries if (e.dataset, e.name) == ("digits", "gan/dcgan")]
    labels = [f"gan/dcgan ({suite})" for suite in ("quickstart", "stability")]
    assert sorted(entry.label for entry in gans) == labels
    assert {entry.images for entry in gans} == {40_000}
    assert not {*gans[0].parts[0].trainings.values()} & {*gans[1].parts[0].trainings.values()}
    assert [len(gan.parts[0].trainings) for gan in sorted(gans, key=lambda e: e.label)] == [3, 10]
    assert not numbers.without_record


def test_the_page_is_whole_and_small(page: Path):
    text = page.read_text(encoding="utf-8")
    structure = Structure()
    structure.feed(re.sub(r"<(input|option)\b[^>]*>|</option>", "", text))
    assert not structure.open
    assert len(structure.ids) == len(set(structure.ids))
    assert len((REPORTS / "boards.html").read_bytes()) < 2_000_000
    for target in set(re.findall(r'href="#([^"]+)"', text)):
        assert target in structure.ids
    assert not re.search(r'(src|href)="(?!data:)[^"]*\.(js|css)"', text)


def test_names_of_others_are_text_on_the_page():
    hostile = model("x<b>", values('<script>alert("&")</script>', [1.0, 2.0]), family='"><i>')
    text = boards_page(numbers_of([hostile]), NumberHistory.read(Path("none")))
    assert "<script>alert" not in text
    assert "<b>" not in text
    assert "<i>" not in text


def test_a_report_without_its_record_is_named(tmp_path: Path):
    for name in ("quickstart", "stability"):
        shutil.copytree(REPORTS / name, tmp_path / name)
    (tmp_path / "stability" / "report.json").unlink()
    numbers = read_published(tmp_path)
    assert numbers.without_record == ("stability",)
    assert [report.name for report in numbers.reports] == ["quickstart"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield opened
        opened.close()


@pytest.fixture
def tab(browser: Browser, page: Path) -> Iterator[Page]:
    """The page on a phone; no error may be printed, and nothing fetched from elsewhere."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    faults: list[str] = []
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on("console", lambda message: faults.append(message.text))
    context.on(
        "request",
        lambda r: r.url.startswith(("file:", "data:", "blob:")) or faults.append(r.url),
    )
    opened.goto(page.as_uri())
    yield opened
    context.close()
    assert not faults


def column(tab: Page, key: str, table: str = "digits") -> list[str]:
    """The values of a column, from the first row to the last that is shown."""
    return tab.eval_on_selector_all(
        f'#{table} tbody:first-of-type tr:not([hidden]) td[data-column="{key}"]',
        "cells => cells.map(cell => cell.dataset.value ?? '')",
    )


def address_of(tab: Page) -> str:
    """The address as the page has it: the browser's word of a change comes later."""
    return str(tab.evaluate("location.href"))


def aria(tab: Page, key: str) -> str | None:
    return tab.get_attribute(f'#digits th[data-column="{key}"]', "aria-sort")


def heads(tab: Page) -> list[str]:
    return tab.eval_on_selector_all(
        "#digits thead th:not([hidden])", "heads => heads.map(head => head.dataset.column)"
    )


def test_the_first_click_sorts_best_first_and_those_without_a_number_stay_last(tab: Page):
    for key, best, worst, reverse in (
        ("recall", "descending", "ascending", True),
        ("fid", "ascending", "descending", False),
    ):
        tab.click(f'#digits th[data-column="{key}"] button')
        for order, backwards in ((best, reverse), (worst, not reverse)):
            measured = [value for value in column(tab, key) if value]
            assert measured == sorted(measured, key=float, reverse=backwards)
            assert column(tab, key)[: len(measured)] == measured
            assert aria(tab, key) == order
            tab.keyboard.press("Enter")  # the button keeps the focus


def test_a_link_reproduces_the_view(tab: Page, page: Path):
    tab.click("#columns summary")
    tab.check("input[value=coverage]")
    tab.check("input[value=fid]")
    tab.select_option("#dataset", "digits")
    tab.select_option("#family", "gan")
    tab.fill("#text", "dcgan stability")
    tab.click('#digits th[data-column="coverage"] button')
    address, rows = address_of(tab), tab.inner_text("#shown")
    assert heads(tab) == ["model", "images", "fid", "coverage"]
    assert rows.startswith("1 of ")
    again = tab.context.new_page()
    again.goto(address)
    assert heads(again) == heads(tab)
    assert again.inner_text("#shown") == rows
    assert aria(again, "coverage") == "descending"
    assert again.input_value("#text") == "dcgan stability"
    assert not again.is_visible('section[data-dataset="digits[unseen=8]"]')
    again.click("#controls button[type=reset]")
    assert address_of(again) == page.as_uri()


def test_an_address_that_names_nothing_shows_everything(tab: Page, page: Path):
    plain = tab.inner_text("#shown")
    again = tab.context.new_page()
    again.goto(page.as_uri() + "#family=none&dataset=gone&sort=digits~gone~worst&columns=gone")
    assert again.inner_text("#shown") == plain


def test_a_line_of_real_images_is_shown_where_it_has_a_number(tab: Page):
    lines = "#digits tfoot tr >> visible=true"
    assert tab.locator(lines).all_inner_texts()[0].startswith("training images")
    tab.click("#columns summary")
    tab.check("input[value=mse]")
    assert tab.locator(lines).count() == 0


def test_what_is_copied_is_what_is_shown(tab: Page):
    tab.click("#columns summary")
    tab.check("input[value=fid]")
    tab.select_option("#family", "gan")
    tab.click("#digits [data-export=csv]")
    copied = list(csv.DictReader(io.StringIO(tab.evaluate("navigator.clipboard.readText()"))))
    assert [each["value"] for each in copied] == column(tab, "fid")
    assert {each["metric"] for each in copied} == {"fid"}
    assert all(each["protocol"].startswith("fid[") for each in copied)
    tab.click("#digits [data-export=tex]")
    tex = tab.evaluate("navigator.clipboard.readText()")
    assert tex.count(r"\begin{tabular}{lrr}") == 1
    assert r"training images" in tex
    tab.click("#digits [data-export=bib]")
    bib = tab.evaluate("navigator.clipboard.readText()")
    assert re.findall(r"@misc\{([a-z]+)\d{4}", bib) == ["heusel", "radford"]
    assert "Unsupervised representation learning" in bib


def test_no_text_of_a_csv_is_a_formula(tab: Page):
    fields = tab.evaluate("""['=1+1', '@x', '-y', '-3.2', 'a,"b"', ''].map(csvField)""")
    assert fields == ["'=1+1", "'@x", "'-y", "-3.2", '"a,""b"""', ""]


def test_without_a_clipboard_there_is_a_file(tab: Page, tmp_path: Path):
    tab.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    with tab.expect_download() as download:
        tab.click("#digits [data-export=csv]")
    assert download.value.suggested_filename == "digits.csv"
    download.value.save_as(tmp_path / "digits.csv")
    assert (tmp_path / "digits.csv").read_text(encoding="utf-8").startswith("dataset,model,")
    assert "saved as digits.csv" in tab.inner_text("#digits .exports [role=status]")


def test_the_win_matrix_counts_what_it_says(tab: Page, numbers: PublishedNumbers):
    """Against the same counts of the boards themselves."""
    tab.click("#digits .wins summary")
    cells = tab.eval_on_selector_all(
        "#digits .wins tbody tr",
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))",
    )
    table = next(t for t in site_tables(numbers) if t.id == "digits")
    shown = [place for place, each in enumerate(table.columns) if each.shown]
    lines = {line.entry.label: line for line in table.rows}
    names = [line[0].partition(" ")[2] for line in cells]
    assert len(names) > 3
    for name, line in zip(names, cells, strict=True):
        for other, text in zip(names, line[1:], strict=True):
            a, b = ([lines[each].cells[place] for place in shown] for each in (name, other))
            both = [(x, y) for x, y in zip(a, b, strict=True) if x.is_ranked and y.is_ranked]
            better = sum(x.order < y.order for x, y in both)
            apart = sum(list(lines).index(other) in x.over for x, _ in both)
            expected = f"{better} of {len(both)}" + (f"{apart} told apart" if apart else "")
            assert text == ("" if name == other or not both else expected)


def test_the_back_button_takes_back_what_was_chosen(tab: Page):
    plain = address_of(tab)
    tab.select_option("#family", "gan")
    tab.click('#digits th[data-column="recall"] button')
    tab.fill("#text", "dcgan")  # typing is no step of its own
    tab.go_back()
    assert tab.input_value("#family") == "gan"
    assert tab.input_value("#text") == ""
    assert aria(tab, "recall") is None
    tab.go_back()
    assert tab.input_value("#family") == ""
    assert address_of(tab) == plain
    tab.go_forward()
    assert tab.input_value("#family") == "gan"


def test_two_models_are_counted_against_each_other(tab: Page, numbers: PublishedNumbers):
    """Columns, tests and seeds as the table has them, on the digits of one report."""
    tab.select_option("#dataset", "digits")
    tab.click("#duel summary")
    tab.select_option("#first", "gan/dcgan")
    tab.select_option("#second", "diffusion/ddpm")
    tab.select_option("#budget", "40000")
    lines = tab.eval_on_selector_all(
        "#duel tbody tr",
        "rows => rows.map(row => [...row.cells].map(cell => cell.firstChild.textContent))",
    )
    table = next(t for t in site_tables(numbers) if t.id == "digits")
    rows = {line.entry.label: line for line in table.rows}
    assert len(lines) == 2, "one of quickstart, one of stability"
    for name, *shares in lines:
        first, second = name.removeprefix("digits: ").split(", ")
        counts = [0] * 4
        columns = seeds = 0
        for place, each in enumerate(table.columns):
            a, b = rows[first].cells[place], rows[second].cells[place]
            if not (each.shown and a.by_seed and b.by_seed):
                continue
            losses = [dict(part.split(":") for part in cell.by_seed.split()) for cell in (a, b)]
            pairs = [
                float(value) - float(losses[1][seed])
                for seed, value in losses[0].items()
                if seed in losses[1]
            ]
            columns, seeds = columns + 1, seeds + len(pairs)
            counts[0] += a.order < b.order
            counts[1] += b.order < a.order
            counts[2] += sum(pair < 0 for pair in pairs)
            counts[3] += sum(pair > 0 for pair in pairs)
        wholes = [columns, columns, seeds, seeds]
        assert columns > 1
        assert [share.partition(",")[0] for share in shares] == [
            f"{count} of {whole}" for count, whole in zip(counts, wholes, strict=True)
        ]
    again = tab.context.new_page()
    again.goto(address_of(tab))
    assert again.locator("#duel tbody tr").count() == 2


def test_losses_by_seed_are_smaller_where_values_are_better(numbers: PublishedNumbers):
    table = next(t for t in site_tables(numbers) if t.id == "digits")
    column = {each.key: place for place, each in enumerate(table.columns)}
    for key, sign in (("fid", 1), ("recall", -1)):
        for line in table.rows:
            cell = line.cells[column[key]]
            if cell.by_seed:
                values = [sign * float(part.partition(":")[2]) for part in cell.by_seed.split()]
                assert len(values) == cell.row.seeds
                assert min(values) * 0.999 <= cell.row.mean <= max(values) * 1.001


def test_trends_follow_the_columns_and_say_when_a_number_was_new(tab: Page, page: Path):
    history = NumberHistory.read(page.with_name("history.csv")).table
    of_line = history[
        (history["report"] == "quickstart")
        & (history["dataset"] == "digits")
        & (history["model"] == "gan/dcgan")
        & (history["metric"] == "fid")
        & (history["protocol_key"] == history["protocol_key"].iloc[-1])
    ]
    tab.click("#digits .trend summary")
    figure = tab.locator('#digits [data-trend="fid"] figure')
    figure.scroll_into_view_if_needed()
    figure.locator("svg[role=img]").focus()
    tab.keyboard.press("ArrowRight")
    assert re.search(r"commit \w+", figure.get_by_role("status").inner_text())
    assert of_line.empty or figure.locator('g[data-series="gan/dcgan"] path').count() > 1
    tab.click("#columns summary")
    tab.check("input[value=recall]")
    assert not figure.is_visible()
    assert tab.locator('#digits [data-trend="recall"] figure').is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_checker_of_accessibility_has_no_serious_finding(
    browser: Browser, page: Path, scheme: str
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(color_scheme=scheme)
    opened = context.new_page()
    opened.goto(page.as_uri() + "#first=gan%2Fdcgan&second=diffusion%2Fddpm")
    opened.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    response = axe.run(opened).response
    serious = [v for v in response["violations"] if v["impact"] in ("serious", "critical")]
    assert not [(v["id"], v["nodes"][0]["html"][:200], len(v["nodes"])) for v in serious]
    context.close()


def test_links_within_the_page_keep_the_view_and_nothing_overflows_a_phone(tab: Page):
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    tab.fill("#text", "dcgan")
    before = address_of(tab)
    tab.press("#digits tbody tr:not([hidden]) th a >> nth=0", "Enter")
    assert address_of(tab) == before
    assert tab.evaluate("document.activeElement.id").startswith("model-gan-dcgan")
    tab.press("#digits th[data-column=fid] .about", "Enter")
    assert tab.evaluate("document.activeElement.closest('details').open")


def test_with_no_scripts_every_column_is_there(page: Path):
    text = page.read_text(encoding="utf-8")
    assert re.search(r'<form id="controls"[^>]* hidden>', text)
    head = re.search(r'data-name="digits".*?</thead>', text, re.DOTALL)
    assert head
    assert " hidden" not in head.group()
    assert json.dumps("fid") in head.group()
