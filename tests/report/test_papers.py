"""What recipes say of their papers, and links to these."""

from __future__ import annotations

import pytest

from harness.report.export.bibliography import bibtex_entries
from harness.report.site.papers import RecipeNotes, source_links

DDPM = "Ho et al. 2020, arXiv:2006.11239; Song et al. 2021, arXiv:2010.02502"


def test_links_are_made_of_numbers_alone():
    assert source_links('<i> "x" doi:10.1/a, arXiv:2006.11239') == (
        "&lt;i&gt; &#34;x&#34; "
        '<a href="https://doi.org/10.1/a">doi:10.1/a</a>, '
        '<a href="https://arxiv.org/abs/2006.11239">arXiv:2006.11239</a>'
    )


@pytest.mark.parametrize(
    ("recipe", "notes"),
    [
        (f"family: gan\ndescription: A GAN.\npaper: {DDPM}\n", RecipeNotes("gan", "A GAN.", DDPM)),
        (f"# A GAN.\n# {DDPM}\nfamily: gan\n", RecipeNotes("gan", "A GAN.", DDPM)),
        ("# As Ho said in 2020.\nfamily: gan\n", RecipeNotes("gan", "As Ho said in 2020.")),
        ("", RecipeNotes("samples")),
        ("- a list\n", RecipeNotes("samples")),
        ("a: [", RecipeNotes("samples")),
    ],
)
def test_a_recipe_says_family_description_and_papers(recipe: str, notes: RecipeNotes):
    assert RecipeNotes.of(recipe, "samples") == notes


def test_a_work_has_one_entry_with_all_that_cite_it():
    entries = bibtex_entries([("model a", DDPM), ("model b", "Ho et al. 2020, arXiv:2006.11239")])
    assert list(entries) == ["arXiv:2006.11239", "arXiv:2010.02502"]
    assert "note = {Cited by model a, model b}" in entries["arXiv:2006.11239"]
