"""A report in a real browser: what people click, point at and type."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from harness.core.measurement import TRAINING_IMAGES
from harness.evaluation.figure_data.anomalies import FALSE_ALARMS
from harness.report.archive import read_record
from harness.report.derivation import derive_results
from harness.report.results import ReportFigureData
from harness.report.writer import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

REPORTS = Path(__file__).parents[2] / "reports"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LARGEST = 2_000_000
TEXTS = """() => [...document.querySelectorAll("figure.chart svg[role=img]")].map((svg) =>
  [...svg.querySelectorAll("text")].map((text) => {
    const box = text.getBoundingClientRect();
    const size = parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a;
    return [size, box.left, box.top, box.right, box.bottom];
  }))"""
"""Of each text of each figure its size as it is shown, and where it is, in pixels."""

DETECTION = {
    "found": [float(x) for x in FALSE_ALARMS], "edges": [1.0, 2.0, 3.0], "is_log": False,
    "normal": [0.75, 0.25], "anomalous": [0.0, 1.0], "threshold": 2.25,
}  # fmt: skip
POINTS = {
    "xs": [0.5, 3.0], "ys": [-0.5, 0.0], "reach": 1.0,
    "density": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8A"
    "AAAASUVORK5CYII=",
}  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published quickstart as a page of this version, with figures of every kind."""
    record = read_record(REPORTS / "quickstart")
    data = [
        ReportFigureData("digits", "vae/vae", 0, kind, json.dumps(content))
        for kind, content in (("anomaly-detection", DETECTION), ("plane-samples", POINTS))
    ]
    results = derive_results(replace(record, figure_data=data))
    return write_report(results, tmp_path_factory.mktemp("quickstart"))


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


def watched(context: BrowserContext) -> list[str]:
    """What goes wrong in the pages of a context: errors, anything printed, requests elsewhere."""
    faults: list[str] = []
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on("console", lambda message: faults.append(message.text))
    context.on(
        "request",
        lambda r: r.url.startswith(("file:", "data:", "blob:")) or faults.append(r.url),
    )
    return faults


@pytest.fixture
def tab(browser: Browser, report: Path) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, accept_downloads=True)
    faults = watched(context)
    opened = context.new_page()
    opened.goto(report.as_uri())
    yield opened
    context.close()
    assert not faults


def chart(tab: Page, place: str, name: str) -> Locator:
    """The figure at a place whose alternative text begins with a name, drawn."""
    tab.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    tab.locator(f"{place} figure.chart").first.scroll_into_view_if_needed()
    figure = tab.locator(f"{place} figure.chart", has=tab.locator(f'svg[aria-label^="{name}"]'))
    figure.first.scroll_into_view_if_needed()
    return figure.first


def downloaded(tab: Page, figure: Locator, button: str) -> tuple[str, bytes]:
    with tab.expect_download() as started:
        figure.get_by_role("button", name=button, exact=True).click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def paths(figure: Locator, series: str) -> list[str]:
    """How the lines of a series run."""
    lines = figure.locator(f'g[data-series="{series}"] path[fill=none]')
    return [line.get_attribute("d") or "" for line in lines.all()]


def test_a_table_sorts_from_the_keyboard(tab: Page):
    button = tab.locator("#main th button[data-falls]").first
    button.focus()
    tab.keyboard.press("Enter")
    header = button.locator("xpath=ancestor::th")
    assert header.get_attribute("aria-sort") == "descending"
    index = header.evaluate("cell => cell.cellIndex")
    values = tab.locator("#main table").first.locator(f"tbody tr > :nth-child({index + 1})")
    numbers = [float(v) for cell in values.all() if (v := cell.get_attribute("data-sort"))]
    assert len(numbers) > 1
    assert numbers == sorted(numbers, reverse=True)


def test_the_legend_hides_and_shows_and_the_scale_changes(tab: Page):
    figure = chart(tab, "#curves", "Losses of gan/dcgan")
    before = paths(figure, "discriminator/loss")
    entry = figure.get_by_role("button", name="generator/loss")
    entry.focus()
    tab.keyboard.press("Space")
    assert entry.get_attribute("aria-pressed") == "false"
    assert not paths(figure, "generator/loss")
    assert paths(figure, "discriminator/loss") != before, "the axis follows what is shown"
    entry.click()
    assert len(paths(figure, "generator/loss")) == 3
    assert paths(figure, "discriminator/loss") == before
    scale = figure.get_by_role("button", name="log y")
    state = scale.get_attribute("aria-pressed")
    scale.click()
    assert scale.get_attribute("aria-pressed") != state
    assert paths(figure, "discriminator/loss") != before
    scale.click()
    assert paths(figure, "discriminator/loss") == before


def test_the_pointer_and_the_arrow_keys_read_the_same_values(tab: Page):
    figure = chart(tab, "#speed", "Fréchet distance")
    tip = figure.get_by_role("status")
    mark = figure.locator('g[data-series="gan/dcgan"] path').last
    mark.hover(force=True)
    pointed = tip.inner_text()
    assert "gan/dcgan" in pointed
    assert re.search(r"Fréchet distance: [\d.]+ \[[\d.]+, [\d.]+\]", pointed)
    tab.mouse.move(0, 0)
    assert tip.is_hidden()
    figure.locator("svg[role=img]").focus()
    read = []
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
        read.append(tip.inner_text())
    assert pointed in read
    assert len(set(read)) == 3
    tab.keyboard.press("Escape")
    assert tip.is_hidden()


@pytest.mark.parametrize(
    ("place", "name"),
    [("#speed", "Fréchet distance"), ("#curves", "Losses of vae/vae"), ("#verdicts", "Effects")],
)
def test_figures_can_be_saved(tab: Page, place: str, name: str):
    figure = chart(tab, place, name)
    file, svg = downloaded(tab, figure, "SVG")
    assert file.endswith(".svg")
    root = ET.fromstring(svg.decode())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    file, png = downloaded(tab, figure, "PNG")
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (2 * int(root.attrib["width"]), 2 * int(root.attrib["height"]))
        assert len(image.convert("L").getcolors() or []) > 3, "nothing is drawn"
    file, text = downloaded(tab, figure, "CSV")
    rows = list(csv.reader(io.StringIO(text.decode())))
    assert len(rows) > 1
    assert len({len(row) for row in rows}) == 1


def test_a_csv_has_the_numbers_of_the_curves(tab: Page, report: Path):
    figure = chart(tab, "#curves", "Losses of vae/vae")
    _, text = downloaded(tab, figure, "CSV")
    saved = {
        (row["series"], row["line"], float(row["images shown"])): float(row["losses"])
        for row in csv.DictReader(io.StringIO(text.decode()))
    }
    recorded = {
        (row["name"], f"seed {row['seed']}", float(row["images"])): float(row["value"])
        for row in csv.DictReader(report.with_name("curves.csv").open())
        if (row["dataset"], row["model"]) == ("digits", "vae/vae")
    }
    assert saved
    for key, value in saved.items():
        assert value == pytest.approx(recorded[key], rel=1e-3)


def test_each_seed_of_a_row_of_dots_is_read_and_saved(tab: Page):
    figure = tab.locator("#task-seeds figure.chart").first
    figure.scroll_into_view_if_needed()
    drawing = figure.locator("svg[role=img]")
    drawing.focus()
    drawing.press("ArrowRight")
    first = figure.locator(".tip").inner_text()
    drawing.press("ArrowRight")
    second = figure.locator(".tip").inner_text()
    assert "seed 0: " in first
    assert "seed 1: " in second
    with tab.expect_download() as download:
        figure.get_by_role("button", name="CSV").click()
    rows = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))
    assert rows[0][:2] == ["row", "seed"]
    assert float(rows[1][2]) > 0


def test_points_outside_the_square_are_not_drawn_over_the_density(tab: Page):
    figure = tab.locator("#task-modes figure.chart").first
    figure.scroll_into_view_if_needed()
    dots = figure.locator("svg[role=img] circle")
    dots.first.wait_for()
    assert dots.count() == 1
    assert figure.locator("svg[role=img] image").count() == 1
    figure.get_by_role("button", name="seed 0").click()
    assert dots.count() == 0


def test_text_of_figures_keeps_its_size_and_labels_do_not_overlap(tab: Page):
    for width in (390, 1400):
        tab.set_viewport_size({"width": width, "height": 900})
        chart(tab, "#verdicts", "Effects")
        chart(tab, "#speed", "Fréchet distance")
        tab.wait_for_timeout(100)
        texts = tab.evaluate(TEXTS)
        assert sum(map(len, texts)) > 20
        for figure in texts:
            assert all(size == pytest.approx(12) for size, *_ in figure)
            for i, (_, left, top, right, bottom) in enumerate(figure):
                for _, *other in figure[:i]:
                    apart = right <= other[0] or left >= other[2]
                    assert apart or bottom <= other[1] + 3 or top >= other[3] - 3
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_tabs_of_pictures_go_by_click_and_by_arrow_keys(tab: Page):
    browser = tab.locator(".browser").first
    tabs = browser.get_by_role("tab")
    assert tabs.first.get_attribute("aria-selected") == "true"
    assert browser.locator(".panel:visible").count() == 1
    tabs.first.focus()
    tab.keyboard.press("ArrowRight")
    assert tabs.nth(1).get_attribute("aria-selected") == "true"
    assert tab.evaluate("document.activeElement.id") == tabs.nth(1).get_attribute("id")
    name = tabs.nth(1).get_attribute("aria-controls")
    assert browser.locator(".panel:visible").get_attribute("id") == name
    browser.get_by_role("tab", name="Reconstructions", exact=True).click()
    assert browser.locator(".panel:visible").get_attribute("id") == "reconstructions-digits"


def test_a_link_to_pictures_opens_their_tab(tab: Page, report: Path):
    tab.goto(f"{report.as_uri()}#latent-traversals-digits")
    assert tab.locator("#latent-traversals-digits").is_visible()
    assert tab.locator("#samples-digits").is_hidden()


def test_models_are_hidden_and_shown(tab: Page):
    browser = tab.locator(".browser").first
    chip = browser.get_by_role("button", name="gan/dcgan")
    group = tab.locator('#samples-digits .group[data-model="gan/dcgan"]')
    enlarged = tab.locator("#samples-digits .lens figcaption", has_text="gan/dcgan")
    for is_shown in (True, False, True):
        assert group.is_visible() is is_shown
        assert (enlarged.count() == 1) is is_shown
        assert chip.get_attribute("aria-pressed") == str(is_shown).lower()
        chip.press("Space")


def test_seeds_are_shown_one_at_a_time_or_side_by_side(tab: Page):
    browser = tab.locator(".browser").first
    figures = tab.locator('#samples-digits .group[data-model="gan/dcgan"] figure[data-seed]')
    seeds = [figure.get_attribute("data-seed") for figure in figures.all()]
    assert seeds == ["0", "1", "2"]
    for name, shown in (("seed 1", [False, True, False]), ("all seeds", [True, True, True])):
        browser.get_by_role("button", name=name).press("Enter")
        assert [figure.is_visible() for figure in figures.all()] == shown
        real = tab.locator(f'#samples-digits .group[data-model="{TRAINING_IMAGES}"] figure')
        assert real.is_visible(), "a model without this seed shows the one that it has"
    boxes = [figure.bounding_box() for figure in figures.all()]
    assert len({box["y"] for box in boxes if box}) == 1


def test_one_place_of_all_grids_is_side_by_side(tab: Page):
    panel = tab.locator("#samples-digits")
    sheet = panel.locator('.group[data-model="gan/dcgan"] .sheet').first
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box
    tab.mouse.move(box["x"] + box["width"] * 2.5 / 8, box["y"] + box["height"] * 1.5 / 8)
    lens = panel.get_by_role("status")
    assert "Row 2, column 3" in lens.inner_text()
    shown = [caption.inner_text() for caption in lens.locator("figcaption").all()]
    assert shown == [
        f"{model}, seed 0"
        for model in ("training images", "diffusion/ddpm", "gan/dcgan", "vae/vae")
    ]
    sheet.focus()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowLeft")
    assert "Row 3, column 2" in lens.inner_text()


def test_printing_shows_all_figures_and_pictures(tab: Page):
    tab.emulate_media(media="print")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("figure.chart > p").count() == 0, "a figure is not drawn"
    assert tab.locator(".panel:visible").count() == tab.locator(".panel").count()
    assert tab.locator(".tools:visible, .tabs:visible").count() == 0


def test_without_scripts_pictures_are_shown_and_figures_say_what_they_show(
    browser: Browser, report: Path
):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(".panel:visible").count() == page.locator(".panel").count()
    assert "Fréchet distance on digits" in page.locator("#speed figure.chart").first.inner_text()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_checker_of_accessibility_has_no_serious_finding(
    browser: Browser, report: Path, scheme: str
):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    response = axe.run(page).response
    serious = [v for v in response["violations"] if v["impact"] in ("serious", "critical")]
    assert not [(v["id"], v["nodes"][0]["html"][:200], len(v["nodes"])) for v in serious]
    context.close()


@pytest.mark.parametrize("file", sorted(REPORTS.glob("*/index.html")), ids=lambda f: f.parent.name)
def test_no_published_page_is_large(file: Path):
    assert file.stat().st_size <= LARGEST
