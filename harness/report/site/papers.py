"""The papers that recipes and metrics name, as links."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from harness.core.paper_address import paper_address
from harness.report.export.bibliography import (
    IDENTIFIER,
    Citation,
    read_citations,
    recipe_citations,
    recipe_settings,
)


def source_links(text: str) -> Markup:
    """Returns a text in which each `doi:` and `arXiv:` number is a link."""

    def link(match: re.Match[str]) -> str:
        return f'<a href="{paper_address(match.group())}">{match.group()}</a>'

    return Markup(IDENTIFIER.sub(link, str(escape(text))))


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
