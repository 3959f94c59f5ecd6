"""The site of the published reports: its pages, its links and its answers."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import Mock

import pytest
from html_structure import Structure
from typer.testing import CliRunner

from harness.cli.main import app
from harness.core.errors import BadInput
from harness.report.ledger import Ledger
from harness.report.site.build import build_site
from harness.report.site.questions import Answer, AnswerPart, answers

REPORTS = Path(__file__).parents[2] / "reports"


class Links(HTMLParser):
    """Collects ids, and what a page links or fetches."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids |= {values["id"]} if "id" in values else set()
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in ("img", "script", "link"):
            self.fetched += [values[name] for name in ("src", "href") if name in values]


def links_of(text: str) -> Links:
    parser = Links()
    parser.feed(text)
    return parser


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return build_site(REPORTS)


def test_every_claim_has_a_page_and_elements_close(pages: dict[str, str]):
    claims = {claim.id for shelf in Ledger.of(REPORTS).shelves for claim in shelf.claims}
    first = {"index.html", "boards.html", "history.csv", "published-figures.html", "README.md"}
    assert pages.keys() == first | {f"claims/{name}.html" for name in claims}
    for name, text in pages.items():
        if name == "history.csv":
            continue
        structure = Structure()
        structure.feed(re.sub(r"<(input|option)\b[^>]*>|</option>", "", text))
        assert not structure.open, name
        assert len(structure.ids) == len(set(structure.ids)), name


def test_links_lead_somewhere_and_nothing_is_fetched(pages: dict[str, str]):
    """A link into a report leads to an element of its page."""
    parsed = {name: links_of(text) for name, text in pages.items() if name.endswith(".html")}
    elsewhere: dict[Path, Links] = {}
    for name, page in parsed.items():
        assert all(address.startswith("data:") for address in page.fetched), name
        for link in page.links:
            if link.startswith("https://"):
                continue
            place, _, fragment = link.partition("#")
            target = ((REPORTS / name).parent / place if place else REPORTS / name).resolve()
            key = target.relative_to(REPORTS.resolve()).as_posix()
            if key not in parsed:
                assert target.is_file(), f"{name}: {link}"
                elsewhere.setdefault(target, links_of(target.read_text(encoding="utf-8")))
            ids = (parsed.get(key) or elsewhere[target]).ids
            assert not fragment or fragment in ids, f"{name}: {link}"


def test_the_published_pages_are_what_the_site_makes(pages: dict[str, str]):
    for name, text in pages.items():
        published = (REPORTS / name).read_text(encoding="utf-8")
        assert published == text, f"{name}: run `harness site`"


def test_the_page_of_a_claim_shows_what_its_verdict_rests_on(pages: dict[str, str]):
    page = pages["claims/ae-linear-pca-error.html"]
    assert 'href="https://doi.org/10.1016/0893-6080(89)90014-2"' in page
    assert '<figure class="chart">' in page
    assert page.count("<tr>") == 1 + 2 * 10
    assert "after 10 seeds" in page
    assert "harness run principal-subspace" in page


def test_published_figures_stand_on_a_page_and_on_those_of_the_claims_they_back(
    pages: dict[str, str],
):
    page = pages["published-figures.html"]
    assert "published-figures.html" in links_of(pages["index.html"]).links
    assert len(re.findall(r'<article class="claim published" id="[a-z0-9-]+"', page)) >= 6
    assert "modes/index.html" in links_of(page).links
    assert 'id="pacgan-plane"' in pages["claims/gan-packing.html"]
    assert "../modes/index.html" in links_of(pages["claims/gan-packing.html"]).links
    assert "<h2>Published figures</h2>" not in pages["claims/ae-linear-pca-error.html"]


def part(*outcomes: str) -> AnswerPart:
    return AnswerPart(Mock(), [Mock(outcome=outcome) for outcome in outcomes])


@pytest.mark.parametrize(
    ("parts", "word"),
    [
        ([("supported",), ("supported", "supported")], "Yes"),
        ([("refuted",)], "No"),
        ([("supported",), ("refuted",)], "In part"),
        ([("supported",), ()], "In part"),
        ([("refuted",), ("inconclusive",)], "Open"),
        ([("supported", "refuted")], "Open"),
        ([("inconclusive", "supported")], "Yes"),
        ([()], "Open"),
    ],
)
def test_an_answer_is_what_its_verdicts_say_together(parts: list[tuple[str, ...]], word: str):
    assert Answer("?", tuple(part(*each) for each in parts)).word == word


def test_an_answer_counts_its_claims():
    answer = Answer("?", (part("supported"), part(), part("supported")))
    assert answer.sentence == "of 3 claims 2 supported, 1 not run"


def test_a_question_about_no_claim_is_one_line(tmp_path: Path):
    file = tmp_path / "questions.yaml"
    file.write_text("questions:\n  - ask: Why?\n    claims: [ae-contractiv]\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"questions.yaml:3: no claim 'ae-contractiv'; did you mean"):
        answers(tmp_path, Ledger.of(REPORTS))


def test_the_verb_writes_the_site_and_removes_pages_of_claims_that_are_no_more(tmp_path: Path):
    shutil.copytree(REPORTS / "contractive", tmp_path / "contractive")
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "gone.html").write_text("", encoding="utf-8")
    result = CliRunner().invoke(app, ["site", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "contractive/index.html" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert not (tmp_path / "claims" / "gone.html").exists()
    assert "autoencoder/contractive" in (tmp_path / "boards.html").read_text(encoding="utf-8")
    assert "](contractive/report.md)" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_a_readme_of_others_is_left_as_it_is(tmp_path: Path):
    shutil.copytree(REPORTS / "contractive", tmp_path / "contractive")
    (tmp_path / "README.md").write_text("# Mine\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["site", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "README.md: not of `harness site`" in result.output
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "# Mine\n"
    assert (tmp_path / "boards.html").exists()


def test_the_index_of_a_repository_links_what_is_there(pages: dict[str, str]):
    text = pages["README.md"]
    links = re.findall(r"\]\(([^)]+)\)", text) + re.findall(r'<img src="([^"]+)"', text)
    assert all((REPORTS / link).is_file() for link in links)
    reports = {file.parent.name for file in REPORTS.glob("*/verdicts.json")}
    assert {f"{name}/report.md" for name in reports} <= set(links)
    ledger = Ledger.of(REPORTS)
    decided = [claim for shelf in ledger.shelves for claim in shelf.claims if ledger.on(claim)]
    assert text.count("\n- ") - len(re.findall(r"\n- \d", text)) == len(decided)


def test_without_a_report_there_is_no_site(tmp_path: Path):
    result = CliRunner().invoke(app, ["site", str(tmp_path)])
    assert isinstance(result.exception, BadInput) or result.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_report_named_claims_is_in_the_way(tmp_path: Path):
    shutil.copytree(REPORTS / "contractive", tmp_path / "claims")
    with pytest.raises(BadInput, match="claims: a report of this name"):
        build_site(tmp_path)
