"""Options by the names that they once had: understood, and not shown in help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer


def with_old(spellings: Mapping[str, str]) -> type[typer.core.TyperCommand]:
    """A command that takes each old spelling of `spellings` for the option that it maps to."""

    class Command(typer.core.TyperCommand):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            return super().parse_args(ctx, [_now(word, spellings) for word in args])

    return Command


def _now(word: str, spellings: Mapping[str, str]) -> str:
    name, equals, value = word.partition("=")
    return f"{spellings.get(name, name)}{equals}{value}"
