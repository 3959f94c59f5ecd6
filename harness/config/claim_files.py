"""Claims in files of their own, which suites, and other such files, include by name.

claims:
  - from: gans                      # suites/claims/gans.yaml, or mine.yaml beside this file
    ids: [gan-mode-collapse]        # all of its claims, if not said
    datasets: [ring]                # in place of those that the claims name
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from harness.config.claim import Claim
from harness.config.claim_parts import Names
from harness.config.claim_shapes import AnyClaim
from harness.config.file_model import FileModel
from harness.config.shipped import shipped_files
from harness.config.validate import validate_document
from harness.config.yaml_files import Document, Keys, SourceLine, load_yaml
from harness.core.errors import suggest


class Include(FileModel):
    """An entry that stands for claims of another file."""

    file: str = Field(alias="from", min_length=1)
    """A file of `suites/claims/` without its suffix, or one beside this file (`mine.yaml`)."""
    ids: Names | None = None
    """The claims to take; all of them, if not said."""
    datasets: Names | None = None
    """Where they are to hold, in place of what they say."""
    at_budget: bool | None = None
    """Whether they are asked of the suite's budget, in place of what they say."""

    @property
    def replaced(self) -> list[str]:
        """The keys of a claim that the entry replaces."""
        return [key for key in ("datasets", "at_budget") if getattr(self, key) is not None]


Declared = Annotated[
    AnyClaim, BeforeValidator(lambda value: value, json_schema_input_type=AnyClaim | Include)
]
"""A claim in a file. Loading it has put claims in the place of what it includes."""


class ClaimFileContent(FileModel):
    """A file of claims."""

    title: str = Field(min_length=1)
    description: str = ""
    claims: tuple[Declared, ...]


@dataclass(frozen=True)
class _Written:
    """A claim as a file writes it, and the places of its keys, from the claim on."""

    value: Any
    places: dict[Keys, SourceLine]

    @property
    def id(self) -> str | None:
        """None where there is none, or something that is no name: the claim's type says so."""
        name = self.value.get("id") if isinstance(self.value, dict) else None
        return name if isinstance(name, str) else None

    @property
    def place(self) -> SourceLine:
        return self.places[()]

    def replaced(self, entry: _Written, keys: Sequence[str]) -> _Written:
        """The claim with these keys as an include has them."""
        places = {k: p for k, p in self.places.items() if k[:1] not in {(key,) for key in keys}}
        places |= {k: p for k, p in entry.places.items() if k[:1] in {(key,) for key in keys}}
        return _Written({**self.value, **{key: entry.value[key] for key in keys}}, places)


def load_claims(path: Path) -> tuple[ClaimFileContent, Document]:
    """A file of claims, with what it includes, checked whole. Raises SpecError with file and line
    (of the included file, if that is at fault).
    """
    document = _loaded(path, ())
    return validate_document(ClaimFileContent, document), document


def claims_alone(name: str) -> ClaimFileContent | None:
    """The claims of the file at a path, checked as in `load_claims`; None where it is a suite, or a
    suite's name.
    """
    if not name.endswith((".yaml", ".yml")):
        return None
    written = load_yaml(Path(name)).value
    if "claims" not in written or written.keys() & {"datasets", "models", "seeds", "metrics"}:
        return None
    return load_claims(Path(name))[0]


def with_included(document: Document) -> Document:
    """The document of a suite with the claims that it includes in their place. Each keeps the file
    and line that it was written in. SpecError for what cannot be included, and for an id that is
    there twice.
    """
    return _resolved(document, (document.path,))


def _loaded(path: Path, chain: tuple[Path, ...]) -> Document:
    return _resolved(_read(path, _stamp(path)), (*chain, path))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None  # reading it says what is wrong
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=64)
def _read(path: Path, _: tuple[int, int] | None) -> Document:
    """Read once for all suites that include it."""
    return load_yaml(path)


def _resolved(document: Document, chain: tuple[Path, ...]) -> Document:
    entries = document.value.get("claims")
    if not isinstance(entries, list):
        return document
    claims = [claim for entry in _entries(document) for claim in _stands_for(entry, chain)]
    _different_ids(claims)
    places = {keys: p for keys, p in document.places.items() if keys[:1] != ("claims",)}
    places["claims",] = document.place(("claims",))
    for index, claim in enumerate(claims):
        places |= {("claims", index, *keys): place for keys, place in claim.places.items()}
    value = {**document.value, "claims": [claim.value for claim in claims]}
    return replace(document, value=value, places=places)


def _entries(document: Document) -> Iterator[_Written]:
    places: dict[Keys, dict[Keys, SourceLine]] = {}
    for keys, place in document.places.items():
        places.setdefault(keys[:2], {})[keys[2:]] = place
    for index, value in enumerate(document.value["claims"]):
        yield _Written(value, places["claims", index])


def _stands_for(entry: _Written, chain: tuple[Path, ...]) -> list[_Written]:
    """The claims of an include, or the entry itself where it is a claim."""
    if not (isinstance(entry.value, dict) and "from" in entry.value):
        return [entry]
    document = Document(entry.value, entry.place.file, entry.places, "")
    include = validate_document(Include, document)
    path = _find(include.file, document)
    if path.resolve() in [file.resolve() for file in chain]:
        names = " → ".join(file.name for file in (*chain, path))
        raise document.error(f"from: the file includes itself: {names}", ("from",))
    included = _loaded(path, chain)
    validate_document(ClaimFileContent, included)
    claims = {claim.id: claim for claim in _entries(included)}
    for index, name in enumerate(include.ids or ()):
        if name not in claims:
            near = suggest(name, [str(id_) for id_ in claims])
            raise document.error(f"{path.name} has no claim {name!r}{near}", ("ids", index))
    selected = [claims[name] for name in include.ids or claims]
    return [claim.replaced(entry, include.replaced) for claim in selected]


def _find(name: str, document: Document) -> Path:
    """The file that an include names."""
    if not name.endswith((".yaml", ".yml")):
        shipped = shipped_files("suites/claims")
        if name not in shipped:
            hint = f"unknown claim file {name!r}{suggest(name, shipped)}"
            raise document.error(f"{hint} (a file's name ends in .yaml)", ("from",))
        return shipped[name]
    folder = document.path.parent
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise document.error(f"from: {name!r} leads out of the folder of this file", ("from",))
    if not path.is_file():
        raise document.error(f"from: there is no file {path}", ("from",))
    return path


def _different_ids(claims: list[_Written]) -> None:
    first: dict[str, SourceLine] = {}
    for claim in claims:
        if claim.id is None:
            continue
        if before := first.get(claim.id):
            raise Document({}, claim.place.file, claim.places, "").error(
                f"claim {claim.id!r} is there twice, first at {before.file}:{before.line}"
            )
        first[claim.id] = claim.place


@dataclass(frozen=True)
class ClaimFile:
    """A shipped file of claims, with those that are written in it and not included from others."""

    name: str
    path: Path
    file: ClaimFileContent
    claims: tuple[Claim, ...]


def shipped_claim_files() -> list[ClaimFile]:
    """The shipped files of claims. SpecError where two claims of them have one id."""
    claim_files = []
    places: dict[str, SourceLine] = {}
    for name, path in shipped_files("suites/claims").items():
        file, document = load_claims(path)
        claims = []
        for index, claim in enumerate(file.claims):
            place = document.place(("claims", index))
            if place.file != path:
                continue
            if (before := places.setdefault(claim.id, place)) != place:
                raise document.error(
                    f"claim {claim.id!r} is there twice, first at {before.file}:{before.line}",
                    ("claims", index),
                )
            claims.append(claim)
        claim_files.append(ClaimFile(name, path, file, tuple(claims)))
    return claim_files
