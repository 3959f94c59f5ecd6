"""Names to parts: built in, from installed packages (entry points), or as `module:attribute`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from harness.spec.errors import BadInput, suggest


class Registry:
    """Finds the implementation behind a name, importing it only when it is asked for.

    `kind` is the word error messages use ("family"); `group` the entry-point group that other
    packages add to ("harness.families"); `builtin` maps names to `module:attribute`.
    """

    def __init__(self, kind: str, group: str, builtin: Mapping[str, str]) -> None:
        self.kind = kind
        self.group = group
        self.builtin = dict(builtin)

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}

    def names(self) -> list[str]:
        """Every known name, sorted."""
        return sorted({*self.builtin, *self._plugins})

    def __contains__(self, name: str) -> bool:
        return name in self.builtin or name in self._plugins

    def load(self, name: str) -> Any:
        """The object behind `name`; BadInput with the nearest known name where there is none."""
        if name in self.builtin:
            return _import(self.builtin[name])
        if name in self._plugins:
            return self._plugins[name].load()
        if ":" in name and "." in name:
            return self._foreign(name)
        raise BadInput(f"unknown {self.kind} {name!r}{suggest(name, self.names())}")

    def _foreign(self, target: str) -> Any:
        try:
            return _import(target)
        except (ImportError, AttributeError) as error:
            raise BadInput(f"{self.kind} {target!r} cannot be imported: {error}") from error


def _import(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
