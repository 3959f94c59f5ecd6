"""How templates are filled: everything printed on a page is escaped."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.report.plain import plain_text
from harness.report.scripts import with_scripts
from harness.statistics.formatting import number


def template_environment(autoescape: bool) -> Environment:
    """Returns the environment of all templates. HTML is escaped by it; templates of Markdown apply
    the filter `md` themselves.
    """
    made = Environment(
        loader=PackageLoader("harness.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        number=number,
        md=plain_text,
        breakable=_breakable,
        slug=slug,
        short=lambda text: text[:8],
        after_verdict=after_verdict,
    )
    return with_scripts(made)


def after_verdict(sentence: str, outcome: str) -> str:
    """Returns the sentence of a verdict for a place beside the verdict's name, which it does not
    say again.

    >>> after_verdict("Refuted: the gap is 0.1", "refuted")
    'The gap is 0.1'
    """
    rest = sentence.removeprefix(f"{outcome.capitalize()}: ")
    return rest[:1].upper() + rest[1:]


MOMENT = "%Y-%m-%d %H:%M UTC"
"""How pages say when they were made."""


def now() -> str:
    """This moment, as pages say when they were made."""
    return datetime.now(UTC).strftime(MOMENT)


def read_moment(text: str) -> datetime:
    """The moment that `now` wrote; the beginning of 1970 for any other text."""
    try:
        return datetime.strptime(text, MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def value_text(value: float | None) -> str:
    """A value of a metric, or a dash where there is none."""
    return "–" if value is None else number(value)


def data_uri(png: bytes) -> str:
    """A picture as part of a page."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def slug(text: str) -> str:
    """A text as part of an address: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _breakable(name: str) -> Markup:
    """A name that may break after each slash."""
    return Markup("/<wbr>").join(name.split("/"))
