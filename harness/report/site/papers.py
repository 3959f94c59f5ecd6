"""The papers that recipes and metrics name: links to them, and BibTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml
from markupsafe import Markup, escape

_DOI = r"10\.[^\s,;()]+(?:\([^\s)]*\))?[^\s,;()]*"
_ARXIV = r"\d{4}\.\d{4,5}"
_LINK = re.compile(rf"doi:({_DOI})|arXiv:({_ARXIV})")
_SURNAME = r"(?:(?:van|von|de|der|den|di|la) )*[^\W\d_][\w'’-]*"
_CITATION = re.compile(
    rf"(?P<authors>{_SURNAME}(?:(?:, {_SURNAME})* & {_SURNAME}| et al\.)?),? "
    rf"\(?(?P<year>(?:19|20)\d\d)\)?"
    rf"(?:,? \(?(?:doi:(?P<doi>{_DOI})|arXiv:(?P<arxiv>{_ARXIV})))?"
)
_SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in "&%$#_{}"})


def source_links(text: str) -> Markup:
    """Returns a text in which each `doi:` and `arXiv:` number is a link."""

    def link(match: re.Match[str]) -> str:
        doi, arxiv = match.groups()
        return f'<a href="{_address(doi, arxiv)}">{match.group()}</a>'

    return Markup(_LINK.sub(link, str(escape(text))))


def _address(doi: str | None, arxiv: str | None) -> str:
    return f"https://doi.org/{doi}" if doi else f"https://arxiv.org/abs/{arxiv}"


@dataclass(frozen=True)
class Paper:
    """A paper as a citation names it: authors, year, and its number at doi.org or arXiv, each empty
    where the citation has none.
    """

    authors: str
    year: str
    doi: str = ""
    arxiv: str = ""

    @property
    def key(self) -> str:
        """The key of its BibTeX entry, such as `ho2020-2006.11239`."""
        name = "-".join(re.findall(r"\w+", self.authors.split(" et al.")[0].lower()))
        number = re.sub(r"[^\w.]+", "-", self.arxiv or self.doi).strip("-")
        return f"{name}{self.year}{f'-{number}' if number else ''}"

    @property
    def link(self) -> str:
        """Its address; empty where the citation has no number."""
        return _address(self.doi, self.arxiv) if self.doi or self.arxiv else ""

    @property
    def text(self) -> str:
        """Authors and year: "Ho et al. 2020"."""
        return f"{self.authors} {self.year}"

    @property
    def bibtex(self) -> str:
        """Its BibTeX entry, without a title, which citations here do not have."""
        authors = self.authors.replace(" et al.", " and others").replace(" & ", " and ")
        fields = {"author": authors.replace(", ", " and ").translate(_SPECIAL), "year": self.year}
        if self.arxiv:
            fields |= {"eprint": self.arxiv, "archivePrefix": "arXiv"}
        if self.doi:
            fields["doi"] = self.doi
        if self.link:
            fields["url"] = self.link
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
        return "\n".join([f"@misc{{{self.key},", *lines, "}"])


def cited_papers(text: str) -> list[Paper]:
    """Returns the papers that a text cites as "Ho et al. 2020, arXiv:2006.11239"."""
    return [
        Paper(each["authors"], each["year"], each["doi"] or "", each["arxiv"] or "")
        for each in _CITATION.finditer(text)
    ]


def distinct_papers(papers: Iterable[Paper]) -> list[Paper]:
    """Returns each paper once, by its key."""
    by_key = {paper.key: paper for paper in papers}
    return [by_key[key] for key in sorted(by_key)]


@dataclass(frozen=True)
class RecipeNotes:
    """What a published recipe says of its model: family, description and papers. Recipes of earlier
    versions say these in comments.
    """

    family: str = ""
    description: str = ""
    papers: tuple[Paper, ...] = ()

    @classmethod
    def of(cls, recipe: str, without_recipe: str) -> RecipeNotes:
        """Returns the notes of a recipe (YAML); `without_recipe` is the family where there is
        none.
        """
        settings = _settings(recipe)
        comments = [line[2:] for line in recipe.splitlines() if line.startswith("# ")]
        citations = [line for line in comments if _CITATION.match(line)]
        papers = cited_papers(str(settings.get("paper") or "; ".join(citations)))
        description = str(settings.get("description") or next(iter(comments), ""))
        return cls(str(settings.get("family") or without_recipe), description, tuple(papers))


def _settings(recipe: str) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(recipe)
    except yaml.YAMLError:
        return {}
    return settings if isinstance(settings, dict) else {}
