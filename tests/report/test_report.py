import base64
import dataclasses
import hashlib
import html
import re
import shutil
import subprocess
from io import StringIO
from itertools import pairwise

import pandas as pd
import pytest
from analysis_tables import METRICS as RECALL
from analysis_tables import table
from html_structure import Structure
from synthetic_results import CARD, DIVERGED, METRICS, synthetic

from harness.core.measurement import COLUMNS, tidy
from harness.data import load_dataset
from harness.leaderboards.board import Board, Row
from harness.leaderboards.leaderboard import boards
from harness.leaderboards.pareto import pareto
from harness.report import DatasetInfo, page, write_report
from harness.report.tables import groups, left_out
from harness.report.templating import after_verdict

EVIL = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def results():
    return synthetic(diverged=True)


@pytest.fixture(scope="module")
def text(results):
    return page.report_html(results)


def test_the_folder_holds_page_markdown_and_tables(results, tmp_path):
    index = write_report(results, tmp_path / "new" / "report")
    names = {path.name for path in index.parent.iterdir()}
    assert names == {
        "index.html", "report.md", "results.csv", "leaderboard.csv", "verdicts.json", "report.json",
        "curves.csv", "pictures",
    }  # fmt: skip
    table = pd.read_csv(index.with_name("results.csv"))
    assert list(table.columns) == COLUMNS
    assert len(table) == len(results.table)
    ranked = pd.read_csv(index.with_name("leaderboard.csv"))
    assert {"rank", "low", "high", "over", "protocol"} <= set(ranked.columns)


def test_the_same_results_give_the_same_bytes(results, text):
    assert page.report_html(results) == text


def test_a_report_that_cannot_be_made_leaves_the_old_one(results, tmp_path):
    index = write_report(results, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert index in before
    with pytest.raises(AttributeError):
        write_report(dataclasses.replace(results, store=None), tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_the_page_asks_the_network_for_nothing(text):
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', text)
    assert addresses
    allowed = ("data:", "#", "results.csv", "leaderboard.csv", "verdicts.json", "report.md",
               "report.json", "curves.csv")  # fmt: skip
    assert all(address.startswith(allowed) for address in addresses)
    assert not re.search(r"@import|url\((?!#|\$\{image\.src\})", text)


def test_the_page_is_well_formed_and_ids_are_unique(text):
    structure = Structure()
    structure.feed(text)
    assert structure.open == []
    assert len(structure.ids) == len(set(structure.ids))


def test_the_sections_come_in_order(text):
    sections = re.findall(r'<section id="(\w+)"', text)
    assert sections == [
        "main", "verdicts", "leaderboard", "speed", "images", "curves", "datasets", "models",
        "environment", "failures", "reproduce",
    ]  # fmt: skip


def test_every_verdict_is_shown_with_its_sentence_and_runs(results, text):
    for verdict in results.verdicts:
        sentence = after_verdict(verdict.sentence, verdict.outcome)
        assert html.escape(sentence, quote=False) in html.unescape(text)
        assert verdict.parts[0].blocks[0].run_id in text


def test_every_protocol_is_readable_without_hovering(results, text):
    visible = re.sub(r"<[^>]*>", "", text)
    for board in results.boards:
        if any(row.mean is not None for row in board.rows):
            assert board.protocol in visible


def test_failures_are_cells_and_have_their_reason_in_the_open(text):
    visible = html.unescape(re.sub(r"<[^>]*>", "", text))
    assert "1 diverged" in visible
    assert DIVERGED in visible
    assert "autoencoder/conv cannot sample" in visible


def test_what_must_be_known_of_a_number_is_a_footnote_of_it(results, tmp_path):
    """As `harness score` says it: in HTML and Markdown, once for all cells that it is true of."""
    remark = "fid of 2048 features from 360 images: too few"

    def noted(row):
        is_fid = (row.metric, row.status) == ("fid", "ok")
        return dataclasses.replace(row, reason=remark) if is_fid else row

    cells = [
        dataclasses.replace(cell, measurements=tuple(map(noted, cell.measurements)))
        for cell in results.cells
    ]
    found = boards(tidy(cells), results.metrics)
    assert next(b for b in found if b.metric == "fid").rows[0].remarks == (remark,)
    write_report(dataclasses.replace(results, cells=cells, boards=found), tmp_path)
    for name in ("index.html", "report.md"):
        text = (tmp_path / name).read_text()
        assert re.sub(r"<[^>]*>", "", text).count(remark) >= 1, name
    assert f'title="{remark}"' in (tmp_path / "index.html").read_text()


def test_whatever_is_printed_is_escaped(results, tmp_path):
    verdict = results.verdicts[0]
    claim = verdict.claim.model_copy(update={"statement": EVIL, "source": EVIL})
    cells = [dataclasses.replace(cell, reason=EVIL) for cell in results.cells]
    boards = [
        Board("d", "fid", EVIL, "k", (Row(EVIL, None, None, None, None, 0, {"failed": 1}, EVIL),))
    ]
    hostile = dataclasses.replace(
        results, title=EVIL, description=EVIL, suite_name=EVIL, suite_yaml=EVIL, cells=cells,
        verdicts=[dataclasses.replace(verdict, claim=claim, sentence=EVIL)], boards=boards,
        models=[dataclasses.replace(m, name=EVIL, recipe=EVIL) for m in results.models],
        pictures=[dataclasses.replace(p, alt=f'"{EVIL}') for p in results.pictures],
        table=results.table.assign(model=EVIL), curves=results.curves.assign(model=EVIL, name=EVIL),
        environment={EVIL: EVIL}, overrides={EVIL: EVIL}, command=EVIL, generated_at=EVIL,
        doubts={("d", "k"): EVIL},
        datasets=[
            DatasetInfo(
                EVIL, EVIL, 2, 2, EVIL, tasks=(EVIL,),
                card=dataclasses.replace(CARD, title=EVIL, licence=EVIL, citation=EVIL),
            )
        ],
    )  # fmt: skip
    hostile = dataclasses.replace(
        hostile, pictures=[dataclasses.replace(p, model=EVIL) for p in hostile.pictures]
    )
    index = write_report(hostile, tmp_path)
    assert "<script>alert" not in index.read_text()
    assert index.read_text().count("&lt;script&gt;") > 20
    prose = re.sub(r"^    .*$", "", index.with_name("report.md").read_text(), flags=re.M)
    assert "<script>" not in prose


def test_a_browser_runs_no_script_but_the_page_s_own(text):
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', text)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["base-uri"] == rules["form-action"] == "'none'"
    assert text.index("Content-Security-Policy") < text.index("<title>")


def test_each_dataset_has_its_licence_citation_digest_and_task(results):
    names = ("digits", "digits[unseen=8]", "textures", "ring")
    datasets = [DatasetInfo.of(load_dataset(name)) for name in names]
    shown = dataclasses.replace(results, datasets=datasets)
    for whole in (page.report_html(shown), page.report_markdown(shown)):
        section = whole.partition("Licence")[2].partition("Models, budget and cost")[0]
        said = html.unescape(re.sub(r"<[^>]*>", "", section)).replace("\\", "")
        for dataset in datasets:
            for fact in (dataset.name, dataset.digest, dataset.card.licence, *dataset.tasks):
                assert fact in said
            # What is made from the same images is cited once.
            assert said.count(dataset.card.citation) == 1
        for fact in ("8 unseen", "anomaly segmentation", "points in the plane", "32×32, grey"):
            assert fact in said


def test_unequal_budgets_are_flagged(results, text):
    assert "The budgets differ" not in text
    models = [dataclasses.replace(results.models[0], images=1), *results.models[1:]]
    assert "The budgets differ" in page.report_html(dataclasses.replace(results, models=models))


def test_overrides_are_named(results):
    changed = dataclasses.replace(results, overrides={"budget_scale": "0.05"})
    assert "departs from the suite" in page.report_html(changed)
    assert "departs from the suite" in page.report_markdown(changed)


def test_a_report_of_nothing_says_so(results):
    empty = dataclasses.replace(
        results, cells=[], table=results.table.iloc[:0], verdicts=[], boards=[], pictures=[],
        curves=results.curves.iloc[:0],
    )  # fmt: skip
    assert "Nothing has been measured yet" in page.report_html(empty)


def test_passwords_of_the_tracking_server_are_not_published(results):
    store = dataclasses.replace(results.store, uri="https://ann:secret@mlflow.example.org/x")
    text = page.report_html(dataclasses.replace(results, store=store))
    assert "secret" not in text
    assert "https://mlflow.example.org/x" in text


def test_markdown_tables_have_one_width(results):
    lines = page.report_markdown(results).splitlines()
    for above, below in pairwise(lines):
        if above.startswith("|") and below.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", above)) == len(re.findall(r"(?<!\\)\|", below))
        if below.startswith("|---"):
            assert above.startswith("|")


def test_metrics_stand_with_those_that_apply_to_the_same_models(results):
    models = [model.name for model in results.models]
    boards = [board for board in results.boards if board.dataset == "digits"]
    found = groups(boards, METRICS, models, {})
    assert [group.caption for group in found] == [
        "Metrics for autoencoder/conv, vae/vae",
        "Metrics for vae/vae, gan/dcgan, diffusion/ddpm",
        "Metrics that apply to every model",
    ]
    assert [title for title, _ in left_out(boards, METRICS, models)] == [
        "CLIP score", "Area under the ROC curve", "Average precision",
    ]  # fmt: skip
    sampling = dict(found[1].rows)["autoencoder/conv"]
    assert {cell.text for cell in sampling} == {"n/a"}
    assert dict(found[1].footnotes)[sampling[0].mark] == "autoencoder/conv cannot sample"


def test_another_protocol_is_another_column_that_says_what_differs(results):
    board = next(board for board in results.boards if board.metric == "fid")
    other = dataclasses.replace(board, protocol_key="z", apart="counts (n=9 against n=5)")
    (group,) = groups([board, other], METRICS, [row.model for row in board.rows[:3]], {})
    assert len(group.columns) == 2
    assert "counts (n=9 against n=5)" in group.columns[1].note


def test_a_metric_that_failed_its_self_test_is_marked_on_its_board_alone(results, text):
    said = "did not notice copies in its self-test on digits"
    assert "†" not in text + page.report_markdown(results)
    board = next(b for b in results.boards if (b.dataset, b.metric) == ("digits", "fid"))
    doubted = dataclasses.replace(results, doubts={("digits", board.protocol_key): said})
    html_page, plain = page.report_html(doubted), page.report_markdown(doubted)
    assert re.search(rf"Fréchet distance&nbsp;<span title=\"{said}\">†", html_page)
    assert html_page.count("†") == plain.count("†") == 2, "in the heading and in the notes"
    assert f"<br>† {said}</li>" in html_page
    assert "Fréchet distance † ↓" in plain
    assert f". † {said}\n" in plain
    other = dataclasses.replace(results, doubts={("digits[unseen=8]", "another key"): said})
    assert page.report_html(other) == text


def test_where_no_model_is_told_apart_none_is_marked():
    """Not even the best; its cells say so."""
    values = {"a": [0.89, 0.93, 0.9], "b": [0.9, 0.92, 0.91], "c": [0.1, 0.13, 0.11]}
    for models, marked in (("ab", []), ("abc", ["a", "b"])):
        (board,) = boards(table({model: values[model] for model in models}), RECALL)
        (group,) = groups([board], RECALL, list(models), {})
        cells = {model: cells[0] for model, cells in group.rows}
        assert [model for model, cell in cells.items() if cell.best] == marked
        assert {cell.is_tied for cell in cells.values()} == {not marked}


def test_the_pareto_front_has_no_point_that_another_beats():
    points = {"a": (1.0, 5.0), "b": (2.0, 9.0), "c": (3.0, 8.0), "d": (4.0, 10.0)}
    assert pareto(points, "higher") == ["a", "b", "d"]
    assert pareto(points, "lower") == ["a"]


FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom",
]  # fmt: skip

PROBE = """
<body style="margin:0"><iframe style="width:390px;height:800px;border:0"></iframe><p id="out"></p>
<script>
const frame = document.querySelector("iframe");
frame.onload = () => {
  const inside = frame.contentDocument;
  const header = inside.querySelectorAll(".board")[1].querySelectorAll("th[scope=col]")[1];
  const column = () => [...header.closest("table").tBodies[0].rows]
    .map((row) => row.cells[1].dataset.sort);
  const press = () => { header.querySelector("button").click();
    return [header.getAttribute("aria-sort"), ...column()].join(","); };
  const best = () => { const button = inside.querySelector("th button[data-falls]");
    button.click(); return button.closest("th").getAttribute("aria-sort"); };
  document.getElementById("out").textContent = [
    inside.documentElement.scrollWidth,
    frame.contentWindow.performance.getEntriesByType("resource")
      .filter((entry) => !entry.name.startsWith("data:")).length,
    press(), press(), best(),
  ].join(";");
};
frame.srcdoc = PAGE;
</script></body>
"""


def test_in_a_browser_tables_sort_and_nothing_overflows_a_phone(text, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium or google-chrome on the PATH to open the page with")
    probe = tmp_path / "probe.html"
    quoted = "atob('" + base64.b64encode(text.encode()).decode() + "')"
    probe.write_text(PROBE.replace("PAGE", quoted))
    done = subprocess.run(
        [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", probe.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "CONSOLE" not in done.stderr
    (out,) = re.findall(r'<p id="out">(.*?)</p>', done.stdout)
    width, requests, rising, falling, best_first = out.split(";")
    assert best_first == "descending"
    assert int(width) <= 390
    assert requests == "0"
    order, *values = rising.split(",")
    assert order == "ascending"
    assert values[-1] == ""
    assert [float(v) for v in values[:-1]] == sorted(float(v) for v in values[:-1])
    order, *values = falling.split(",")
    assert order == "descending"
    assert values[-1] == ""
    assert [float(v) for v in values[:-1]] == sorted((float(v) for v in values[:-1]), reverse=True)


def test_the_tidy_table_survives_csv(results, tmp_path):
    index = write_report(results, tmp_path)
    read = pd.read_csv(StringIO(index.with_name("results.csv").read_text()))
    assert (read["value"].dropna().to_numpy() == results.table["value"].dropna().to_numpy()).all()
