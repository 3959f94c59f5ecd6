"""BibTeX of the papers that a suite rests on: from the citations of its recipes, metrics, datasets
and claims, with titles from `references.yaml` beside this module.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from harness.core.paper_address import paper_address
from harness.report.boards.latex import escape
from harness.report.results import Results

REFERENCES = Path(__file__).with_name("references.yaml")

SMALL_WORDS = {"and", "are", "does", "for", "from", "how", "the", "which", "why"}
"""What no entry is called after."""

_SURNAME = r"(?:(?:van|de|den|der|von) )*[^\W\d_][\w'’-]*"
_AUTHORS = re.compile(
    rf"(?P<authors>{_SURNAME}(?:(?:, | & | and ){_SURNAME})*)(?P<others> et al\.)? "
    r"(?P<year>(?:1[89]|20)\d\d)\b"
)
IDENTIFIER = re.compile(
    r"arXiv:(?P<arxiv>\d{4}\.\d{4,5})|doi:(?P<doi>10\.[^\s,;()]+(?:\([^\s)]*\))?[^\s,;()]*)"
)
"""The numbers of papers in a text."""


@dataclass(frozen=True)
class Citation:
    """A work as recipes, metrics, datasets and claims cite it: `Ho et al. 2020, arXiv:2006.11239`.

    `rest` is what stands behind the year and is no identifier: a venue, or a title.
    """

    authors: tuple[str, ...]
    others: bool
    year: str
    arxiv: str = ""
    doi: str = ""
    rest: str = ""

    @property
    def name(self) -> str:
        """What `references.yaml` lists it under: its identifier, or first author and year."""
        if self.arxiv:
            return f"arXiv:{self.arxiv}"
        return f"doi:{self.doi}" if self.doi else f"{self.authors[0]} {self.year}"

    @property
    def address(self) -> str:
        """The address of the work's page; empty without an identifier."""
        return paper_address(self.name) if self.arxiv or self.doi else ""


def read_citations(text: str) -> list[Citation]:
    """The works that a text cites, separated by semicolons. What names no author and year is passed
    over: "none", "this package".
    """
    parts = text.split(";")
    return [citation for part in parts if (citation := _citation(part))]


def _citation(text: str) -> Citation | None:
    match = _AUTHORS.search(text)
    if match is None:
        return None
    behind = text[match.end() :]
    identifier = IDENTIFIER.search(behind)
    groups = identifier.groupdict() if identifier else {}
    plain = IDENTIFIER.sub("", behind)
    rest = re.sub(r"\([^()]*\)", "", plain).strip(" ,.\"'\n")
    return Citation(
        tuple(re.split(r", | & | and ", match["authors"])),
        bool(match["others"]),
        match["year"],
        groups.get("arxiv") or "",
        groups.get("doi") or "",
        " ".join(rest.split()),
    )


def bibtex(results: Results) -> str:
    """A BibTeX file of all works that the suite's models, metrics, datasets and claims cite, each
    with what cites it.
    """
    return "\n".join(bibtex_entries(_cited(results)).values())


def bibtex_entries(cited: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The BibTeX entry of each work by its `Citation.name`, in the order of authors and years.
    `cited` pairs who cites with the text that does.
    """
    users: dict[str, list[str]] = {}
    works: dict[str, Citation] = {}
    for user, text in cited:
        for work in read_citations(text):
            works.setdefault(work.name, work)
            if user not in users.setdefault(work.name, []):
                users[work.name].append(user)
    entries, taken = {}, set[str]()
    for name, work in sorted(works.items(), key=lambda item: (item[1].authors, item[1].year)):
        key = next(each for each in _keys(work) if each not in taken)
        taken.add(key)
        entries[name] = _entry(key, work, users[name])
    return entries


def recipe_citations(recipe: str) -> str:
    """What a resolved recipe (YAML) cites: its `paper`, or the comments that begin with a citation,
    in which recipes of earlier versions say it.
    """
    if papers := recipe_settings(recipe).get("paper"):
        return str(papers)
    comments = [line[1:].strip() for line in recipe.splitlines() if line.startswith("#")]
    return "; ".join(line for line in comments if _AUTHORS.match(line))


def recipe_settings(recipe: str) -> dict[str, Any]:
    """The settings of a recipe (YAML); none where it is not one."""
    try:
        settings = yaml.safe_load(recipe)
    except yaml.YAMLError:
        return {}
    return settings if isinstance(settings, dict) else {}


def _cited(results: Results) -> Iterator[tuple[str, str]]:
    """Who cites, and the text that does."""
    for model in results.models:
        yield f"model {model.name}", recipe_citations(model.recipe)
    measured = set(results.table["metric"])
    for metric in results.metrics.values():
        if metric.name in measured:
            yield f"metric {metric.name}", metric.paper
    for dataset in results.datasets:
        yield f"dataset {dataset.name}", dataset.card.citation
    for asked in results.claims:
        yield f"claim {asked.claim.id}", asked.claim.source


def _entry(key: str, work: Citation, users: list[str]) -> str:
    title = _titles().get(work.name) or _title_in(work.rest)
    fields = {
        "author": " and ".join([*work.authors, *(["others"] if work.others else [])]),
        "title": f"{{{escape(title)}}}" if title else "",
        "year": work.year,
        "howpublished": "" if work.rest == title else escape(work.rest),
        "eprint": work.arxiv,
        "archiveprefix": "arXiv" if work.arxiv else "",
        "doi": escape(work.doi),
        "note": escape(f"Cited by {', '.join(users)}"),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}\n"


def _title_in(rest: str) -> str:
    """What stands behind the year where it is a title, and no venue of a word or two."""
    return rest if len(rest.split()) > 3 else ""


def _keys(work: Citation) -> Iterator[str]:
    """Names for the entry, the best one first: `ho2020denoising`."""
    surname = _ascii(work.authors[0]).lower()
    words = re.findall(r"[a-z]{3,}", _titles().get(work.name, "").lower())
    first = next((word for word in words if word not in SMALL_WORDS), "")
    base = surname + work.year + first
    yield base
    yield from (f"{base}{number}" for number in range(2, 1000))


def _ascii(name: str) -> str:
    """The letters of a name, without accents."""
    plain = unicodedata.normalize("NFKD", name.replace("ø", "o").replace("ł", "l"))
    return re.sub(r"[^A-Za-z]", "", plain)


@lru_cache(maxsize=1)
def _titles() -> dict[str, str]:
    """The title of each listed work."""
    listed: dict[str, str] = yaml.safe_load(REFERENCES.read_text(encoding="utf-8"))
    return listed
