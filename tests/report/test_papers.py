"""Citations: what they name, their links, and BibTeX."""

from __future__ import annotations

import pytest

from harness.config.recipe import list_recipes, load_recipe
from harness.metrics import METRICS
from harness.report.site.papers import (
    Paper,
    RecipeNotes,
    cited_papers,
    distinct_papers,
    source_links,
)

DDPM = "Ho et al. 2020, arXiv:2006.11239; Song et al. 2021, arXiv:2010.02502"


@pytest.mark.parametrize(
    ("text", "papers"),
    [
        (DDPM, [Paper("Ho et al.", "2020", "", "2006.11239"),
                Paper("Song et al.", "2021", "", "2010.02502")]),
        ("Baldi & Hornik 1989, doi:10.1016/0893-6080(89)90014-2",
         [Paper("Baldi & Hornik", "1989", "10.1016/0893-6080(89)90014-2")]),
        ("van den Oord et al. 2017 (arXiv:1711.00937)",
         [Paper("van den Oord et al.", "2017", "", "1711.00937")]),
        ("Wang et al. 2004", [Paper("Wang et al.", "2004")]),
        ("Mogstad, Romano & Wilhelm 2024", [Paper("Mogstad, Romano & Wilhelm", "2024")]),
        ("no paper", []),
        ("", []),
    ],
)  # fmt: skip
def test_a_text_cites_papers(text: str, papers: list[Paper]):
    assert cited_papers(text) == papers


def test_bibtex_has_all_that_the_citation_says():
    paper = Paper("Baldi & Hornik", "1989", "10.1016/0893-6080(89)90014-2")
    assert paper.bibtex == (
        "@misc{baldi-hornik1989-10.1016-0893-6080-89-90014-2,\n"
        "  author = {Baldi and Hornik},\n"
        "  year = {1989},\n"
        "  doi = {10.1016/0893-6080(89)90014-2},\n"
        "  url = {https://doi.org/10.1016/0893-6080(89)90014-2},\n"
        "}"
    )
    assert "author = {Ho and others}" in cited_papers(DDPM)[0].bibtex
    assert "author = {A and B and C}" in Paper("A, B & C", "2000").bibtex


def test_links_are_made_of_numbers_alone():
    assert source_links('<i> "x" doi:10.1/a, arXiv:2006.11239') == (
        "&lt;i&gt; &#34;x&#34; "
        '<a href="https://doi.org/10.1/a">doi:10.1/a</a>, '
        '<a href="https://arxiv.org/abs/2006.11239">arXiv:2006.11239</a>'
    )


def test_a_paper_is_listed_once():
    assert len(distinct_papers([*cited_papers(DDPM), *cited_papers(DDPM)])) == 2


@pytest.mark.parametrize(
    ("recipe", "notes"),
    [
        ("family: gan\ndescription: A GAN.\npaper: Ho et al. 2020, arXiv:2006.11239\n",
         RecipeNotes("gan", "A GAN.", tuple(cited_papers(DDPM)[:1]))),
        ("# A GAN.\n# Ho et al. 2020, arXiv:2006.11239\nfamily: gan\n",
         RecipeNotes("gan", "A GAN.", tuple(cited_papers(DDPM)[:1]))),
        ("# As Ho said in 2020.\nfamily: gan\n", RecipeNotes("gan", "As Ho said in 2020.")),
        ("", RecipeNotes("samples")),
        ("- a list\n", RecipeNotes("samples")),
        ("a: [", RecipeNotes("samples")),
    ],
)  # fmt: skip
def test_a_recipe_says_family_description_and_papers(recipe: str, notes: RecipeNotes):
    assert RecipeNotes.of(recipe, "samples") == notes


def test_every_paper_of_a_metric_or_a_recipe_is_read():
    for name, metric in METRICS.items():
        if "arXiv:" in metric.paper or "doi:" in metric.paper:
            assert any(paper.link for paper in cited_papers(metric.paper)), name
    for name in list_recipes():
        paper = load_recipe(name).paper
        if "arXiv:" in paper or "doi:" in paper:
            numbers = paper.count("arXiv:") + paper.count("doi:")
            assert sum(bool(each.link) for each in cited_papers(paper)) == numbers, name
