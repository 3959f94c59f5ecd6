import doctest
import json
import re
import shutil
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from html_structure import Structure
from stored_runs import cell, fid, gathered, value

from harness.config.quoted import HowMeasured, Quote
from harness.core.measurement import TRAINING_IMAGES
from harness.core.protocol import Protocol
from harness.leaderboards.standings import standings
from harness.report import tables
from harness.report.boards import latex, pages, record, view

EVIL = "<script>alert('x')</script> & 100%_$#"


def runs(name: str = "gan/mlp"):
    """Two datasets, three seeds; costs; a floor; a diverged cell; another protocol."""
    costs = {"parameters": 5000.0, "training_time": 8.0, "sampling_throughput": 1000.0}
    for dataset in ("digits", "mnist"):
        for i, (model, level) in enumerate({name: 9.0, "vae/mlp": 3.0}.items()):
            for seed in range(3):
                wobble = 1 + 0.02 * seed + 0.01 * i * seed
                numbers = (
                    value(level * wobble, fid(dataset)),
                    *(value(c * (i + 1) * wobble, Protocol(n, dataset=dataset))
                      for n, c in costs.items()),
                    value(None, Protocol("auroc", dataset=dataset), status="not applicable",
                          reason="no unseen class"),
                )  # fmt: skip
                run_id = f"{model}-{seed}-{dataset}"
                yield cell(model, seed, numbers, dataset=dataset, run_id=run_id)
    yield cell("gone/mlp", 0, (value(8.0, fid()),))
    yield cell("gone/mlp", 1, status="diverged", reason=f"loss {EVIL}")
    yield cell("other/mlp", 0, (value(2.0, fid(samples=50)),))
    floor = cell(TRAINING_IMAGES, 0, (value(0.5, fid()),))
    yield replace(floor, params={**floor.params, "budget.images": "0"})


def leaderboard(name: str = "gan/mlp", **options) -> view.Leaderboard:
    found = standings(gathered(*runs(name)), against=name, **options)
    return view.Leaderboard(found, "sqlite:///runs/mlflow.db", "2026-01-02 03:04 UTC")


QUOTES = [
    Quote(model="theirs", dataset="digits", metric="fid", value=2.5, source=f"A. Paper {EVIL}",
          protocol=HowMeasured(version=1, samples=100)),
    Quote(model="far", dataset="digits", metric="fid", value=2.0, source="B. Paper"),
]  # fmt: skip


@pytest.fixture(scope="module")
def board() -> view.Leaderboard:
    return leaderboard(quotes=QUOTES)


@pytest.fixture(scope="module")
def evil() -> view.Leaderboard:
    return leaderboard(EVIL, quotes=QUOTES)


@pytest.fixture(scope="module")
def html(board: view.Leaderboard) -> str:
    return pages.boards_html(board)


def test_the_page_is_well_formed_and_asks_the_network_for_nothing(html: str):
    structure = Structure()
    structure.feed(html)
    assert structure.open == []
    assert len(structure.ids) == len(set(structure.ids))
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', html)
    assert all(address.startswith(("data:", "#")) for address in addresses)


def test_the_sections_of_the_page(html: str, board: view.Leaderboard):
    sections = re.findall(r'<section id="(\w+)"', html)
    assert sections == ["boards", "across", "fronts", "quoted", "entries", "failures"]
    assert "4 entries on 2 datasets, from 1 suite and 15 runs on 2026-01-01." in html
    assert pages.boards_html(board) == html


def test_ranks_have_intervals_and_comparisons_a_mark(html: str):
    assert "rank 1 · 3 seeds" in html
    assert re.search(r'class="more better">▲ ×0\.3\d+ \[', html)
    assert "1 diverged" in html


def test_what_is_measured_otherwise_is_a_table_of_its_own(html: str):
    apart = html.index("Not comparable with these")
    assert html.index("other/<wbr>mlp", html.index("<h3>digits</h3>")) > apart
    assert "Measured otherwise: counts (n=100 against n=50)" in html


def test_quoted_numbers_stand_apart(html: str):
    assert '<tr class="quoted"><th scope="row" data-sort="theirs (quoted)">' in html
    assert "no: not stated: version, samples" in html
    assert "far (quoted)" not in html


def test_columns_are_by_kind_and_rows_best_first(board: view.Leaderboard):
    digits, mnist = view.datasets(board.standings)
    assert [table.caption for table in digits.comparable] == ["Distribution", "Cost"]
    assert [model for model, _ in mnist.comparable[0].rows] == ["vae/mlp", "gan/mlp"]
    assert digits.left_out[0][1] == "no unseen class"
    assert digits.comparable[0].floors == ((TRAINING_IMAGES, ("0.50",)),)


def test_whatever_is_printed_is_escaped(evil: view.Leaderboard):
    html = pages.boards_html(evil)
    assert "<script>alert" not in html
    assert html.count("<script>") == 1
    markdown = pages.boards_markdown(evil)
    assert "<script>" not in markdown
    assert "&lt;script&gt;alert('x')&lt;/script&gt; &amp; 100%\\_$\\#" in markdown
    tex = latex.latex(evil)
    assert r"\textless{}script\textgreater{}" in tex
    assert r"\& 100\%\_\$\#" in tex


def test_markdown_tables_have_one_width(evil: view.Leaderboard):
    lines = pages.boards_markdown(evil).splitlines()
    widths = [len(re.findall(r"(?<!\\)\|", line)) for line in lines]
    rows = [
        (a, b) for a, b in pairwise(zip(lines, widths, strict=True))
        if a[0].startswith("|") and b[0].startswith("|")
    ]  # fmt: skip
    assert len(rows) > 20
    assert all(a[1] == b[1] for a, b in rows), [r for r in rows if r[0][1] != r[1][1]]
    assert any(below.startswith("|---") for below in lines)


def test_latex_has_a_table_for_each_and_every_row_its_columns(board: view.Leaderboard):
    tex = latex.latex(board)
    for opened, closed in ((r"\begin{table}", r"\end{table}"), (r"\toprule", r"\bottomrule")):
        assert tex.count(opened) == tex.count(closed) == 9
    for table in tex.split(r"\begin{tabular}")[1:]:
        columns = len(re.match(r"\{(l?r*)\}", table)[1])
        rows = [line for line in table.splitlines() if line.endswith(r"\\")]
        assert rows
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {columns}
    assert r"\textbf{3" in tex
    assert "$^{+}$" in tex
    assert not re.search(r"(?<!\\)[_#]", re.sub(r"%.*", "", tex))


@pytest.mark.parametrize("module", [tables, latex])
def test_what_the_docstrings_show_is_so(module):
    tried = doctest.testmod(module)
    assert tried.attempted
    assert tried.failed == 0


def test_latex_escapes_each_special_sign():
    assert latex.escape(r"a\b{c}~^ − 1 234") == (
        r"a\textbackslash{}b\{c\}\textasciitilde{}\textasciicircum{} $-$ 1 234"
    )
    assert latex.escape("12\u202f345\nnext") == r"12\,345 next"


def test_json_says_all_and_csv_has_a_line_for_each_entry_of_each_board(
    evil: view.Leaderboard, tmp_path: Path
):
    said = json.loads(record.boards_json(evil))
    assert said["format"] == 1
    assert said["against"] == EVIL
    assert {e["entry"] for e in said["entries"]} == {EVIL, "vae/mlp", "gone/mlp", "other/mlp"}
    assert (said["entries"][0]["kind"], said["entries"][0]["images"]) == ("trained", 100)
    assert said["entries"][0]["settings"]["width"] == "64"
    first = said["boards"][0]
    assert (first["metric"], first["protocol_fields"]["samples"]) == ("fid", 100)
    assert [q["comparable"] for q in said["quoted"]] == [True, False]
    assert said["failures"][0]["status"] == "diverged"
    assert said["fronts"][0]["front"]
    (tmp_path / "b.csv").write_text(record.csv(evil))
    table = pd.read_csv(tmp_path / "b.csv")
    here = table[(table.dataset == "digits") & (table.metric == "fid")]
    assert list(here.model)[:2] == ["theirs (quoted)", "vae/mlp"]
    assert set(here.model) >= {TRAINING_IMAGES, "gone/mlp", "other/mlp", EVIL}
    assert here[here.model == "vae/mlp"].versus.item() == "better"
    assert here.quoted.sum() == 1


FALLS = "its loss still falls 9 % | in the last tenth"
ROSE = "its held-out loss rose 9 % from its lowest"


@pytest.fixture(scope="module")
def marked() -> view.Leaderboard:
    """On digits gan/mlp is undertrained and vae/mlp overfitted; of some no report says it."""
    states = {
        ("digits", "gan/mlp"): {"undertrained": FALLS},
        ("digits", "vae/mlp"): {"overfitted": ROSE},
        ("mnist", "gan/mlp"): {},
    }
    collected = replace(gathered(*runs()), maturity=states)
    return view.Leaderboard(standings(collected, quotes=QUOTES), "s", "t")


def test_the_page_marks_what_is_undertrained_on_its_dataset_and_names_budgets(marked):
    html = pages.boards_html(marked)
    digits, mnist = html.split("<h3>mnist</h3>")[0], html.split("<h3>mnist</h3>")[1]
    mark = f'gan/<wbr>mlp<span class="more trouble" title="{FALLS}">undertrained</span></th>'
    assert digits.count(mark) == digits.count(">undertrained</span>") > 0
    assert f'vae/<wbr>mlp<span class="more trouble" title="{ROSE}">overfitted</span></th>' in digits
    assert ">undertrained</span>" not in mnist
    assert ">overfitted</span>" not in mnist
    assert '<td data-sort="100">100</td>' in digits
    assert f"<td>undertrained on digits: {FALLS}</td>" in html
    assert f"<td>overfitted on digits: {ROSE}; not recorded on mnist</td>" in html
    for table in re.findall(r'<table class="board">.*?</table>', html, re.DOTALL):
        rows = re.findall(r"<tr.*?</tr>", table, re.DOTALL)
        assert len({len(re.findall(r"<t[hd]\b", row)) for row in rows}) == 1


def test_markdown_and_latex_mark_what_is_undertrained_and_name_budgets(marked):
    digits, mnist = pages.boards_markdown(marked).split("## mnist")
    assert "| gan/mlp (undertrained) | 100 |" in digits
    assert "| theirs (quoted) | – |" in digits
    assert "| gan/mlp | 100 |" in mnist
    assert "undertrained on digits: its loss still falls 9 % \\| in the last tenth" in mnist
    assert "| vae/mlp (overfitted) | 100 |" in digits
    tex = latex.latex(marked)
    assert "gan/mlp (undertrained) & 100 & " in tex
    assert rf"vae/mlp is overfitted: {ROSE.replace('%', chr(92) + '%')}" in tex
    assert r"gan/mlp is undertrained: its loss still falls 9 \% \textbar{}" in tex


def test_csv_and_json_have_budgets_and_maturity(marked, tmp_path: Path):
    (tmp_path / "b.csv").write_text(record.csv(marked))
    table = pd.read_csv(tmp_path / "b.csv", keep_default_na=False)
    reasons = {(r.dataset, r.model): r.undertrained for r in table.itertuples() if r.undertrained}
    assert reasons == {("digits", "gan/mlp"): FALLS}
    reasons = {(r.dataset, r.model): r.overfitted for r in table.itertuples() if r.overfitted}
    assert reasons == {("digits", "vae/mlp"): ROSE}
    assert set(table.loc[table.model == "vae/mlp", "images"]) == {"100"}
    assert set(table.loc[table.quoted.astype(str) == "True", "images"]) == {""}
    entries = json.loads(record.boards_json(marked))["entries"]
    states = {entry["entry"]: entry["undertrained"] for entry in entries}
    assert states["gan/mlp"] == {"digits": FALLS, "mnist": ""}
    assert states["vae/mlp"] == {"digits": "", "mnist": None}
    states = {entry["entry"]: entry["overfitted"] for entry in entries}
    assert states["vae/mlp"] == {"digits": ROSE, "mnist": None}


def test_json_has_null_where_there_is_no_number():
    wild = [cell("wild", s, (value(10.0 ** (150 * s - 150), fid()),)) for s in range(3)]
    board = view.Leaderboard(standings(gathered(*wild)), "s", "t")
    assert json.loads(record.boards_json(board))["boards"][0]["rows"][0]["high"] is None


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs LaTeX")
def test_latex_compiles(evil: view.Leaderboard, tmp_path: Path):
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs}\begin{document}"
    (tmp_path / "a.tex").write_text(f"{head}\n{latex.latex(evil)}\\end{{document}}\n")
    subprocess.run(
        ["pdflatex", "-halt-on-error", "a.tex"], cwd=tmp_path, check=True, timeout=60,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
