"""Names with options, as suites and commands write them: `digits[unseen=8]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.core.errors import BadInput

# After the colon is what people name their folders: anything but the grammar's own signs, and those
# that no file system or table takes.
_NAME = re.compile(r"""[A-Za-z0-9][A-Za-z0-9_./-]*(:[^][,|<>"*?]*)?""")
_OPTION = re.compile(r"([a-z][a-z0-9_]*)=([A-Za-z0-9_.:/+-]+)")
_FORM = "the form is NAME or NAME[option=value,option=value], such as digits[unseen=8]"


@dataclass(frozen=True)
class Reference:
    """A name and its options. As text the options are sorted, so equal references read alike."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        if not self.options:
            return self.name
        options = ",".join(f"{key}={value}" for key, value in sorted(self.options.items()))
        return f"{self.name}[{options}]"


def parse_reference(text: str) -> Reference:
    """The reference that `text` writes; spaces around names, commas and brackets do not count.

    What stands after a colon may be a path, with spaces, `~`, `+`, `@` and letters of any language,
    but without `[ ] , | < > " * ?`.

    >>> str(parse_reference("digits[unseen=8]"))
    'digits[unseen=8]'
    >>> parse_reference("folder:~/My cats [size=32]").name
    'folder:~/My cats'
    """
    name, bracket, rest = text.strip().partition("[")
    name = name.strip()
    is_name = _NAME.fullmatch(name) and name.isprintable()
    if not is_name or (bracket and not rest.endswith("]")):
        raise BadInput(f"{text!r} is not a name; {_FORM}")
    return Reference(name, _options(text, rest[:-1]) if bracket else {})


def _options(text: str, inside: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in inside.split(","):
        match = _OPTION.fullmatch(part.strip())
        if match is None:
            raise BadInput(f"{part.strip()!r} in {text!r} is not an option; {_FORM}")
        key, value = match.groups()
        if key in options:
            raise BadInput(f"option {key!r} is given twice in {text!r}")
        options[key] = value
    return options
