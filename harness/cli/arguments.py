"""The words of a command line before typer reads them: empty ones, and old names of options."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import typer

from harness.core.errors import BadInput

_EMPTY_VALUE = re.compile(r"(--?[\w-]+)=\s*")
_CURE = "name a value, or leave it out (was a variable of the shell not set?)"


def check_no_empty(arguments: Sequence[str]) -> None:
    """Raise BadInput for an empty argument, such as a shell's unset variable. Read as left out, it
    would change what is compared; read as a path, it would be the current folder.
    """
    for previous, word in zip(["", *arguments], arguments, strict=False):
        if match := _EMPTY_VALUE.fullmatch(word):
            raise BadInput(f"{match[1]} is given an empty value; {_CURE}")
        if not word.strip():
            place = f"after {previous}" if previous.strip() else "at the start"
            raise BadInput(f"an empty argument {place}; {_CURE}")


def command_with_old_names(names: Mapping[str, str]) -> type[typer.core.TyperCommand]:
    """A command class that reads each old name of an option in `names` as the option that it is
    mapped to. Help does not show old names.
    """

    class Command(typer.core.TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, [_rename(word, names) for word in args])

    return Command


def _rename(word: str, names: Mapping[str, str]) -> str:
    name, equals, value = word.partition("=")
    return f"{names.get(name, name)}{equals}{value}"
