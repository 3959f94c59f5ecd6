"""The papers that recipes and metrics name, as links."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from harness.report.export.bibliography import (
    Citation,
    read_citations,
    recipe_citations,
    recipe_settings,
)

_LINK = re.compile(r"doi:(10\.[^\s,;()]+(?:\([^\s)]*\))?[^\s,;()]*)|arXiv:(\d{4}\.\d{4,5})")


def source_links(text: str) -> Markup:
    """Returns a text in which each `doi:` and `arXiv:` number is a link."""

    def link(match: re.Match[str]) -> str:
        doi, arxiv = match.groups()
        address = f"https://doi.org/{doi}" if doi else f"https://arxiv.org/abs/{arxiv}"
        return f'<a href="{address}">{match.group()}</a>'

    return Markup(_LINK.sub(link, str(escape(text))))


@dataclass(frozen=True)
class RecipeNotes:
    """What a published recipe says of its model: family, description, and which papers it cites.
    Recipes of earlier versions say the last two in comments.
    """

    family: str = ""
    description: str = ""
    citations: str = ""

    @classmethod
    def of(cls, recipe: str, without_recipe: str) -> RecipeNotes:
        """Returns the notes of a recipe (YAML); `without_recipe` is the family where there is
        none.
        """
        settings = recipe_settings(recipe)
        comments = [line[2:] for line in recipe.splitlines() if line.startswith("# ")]
        description = str(settings.get("description") or next(iter(comments), ""))
        family = str(settings.get("family") or without_recipe)
        return cls(family, description, recipe_citations(recipe))

    @property
    def papers(self) -> list[Citation]:
        """The papers that it cites."""
        return read_citations(self.citations)
