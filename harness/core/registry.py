"""Maps names to parts: built in, of installed packages (entry points), or `module:attribute`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from harness.core.error_location import register_user_module
from harness.core.errors import FAILURES, BadInput, suggest
from harness.core.import_files import watch_imports
from harness.core.user_code import TARGET, import_failure, import_object


def _anything(_: object) -> str:
    return ""


class Registry:
    """Finds the implementation behind a name, importing it only when it is asked for.

    `kind` is the word error messages use ("family"); `group` the entry-point group that other
    packages add to ("harness.families"); `builtin` maps names to `module:attribute`. `fault` says
    of what another package gives why it cannot serve, or nothing where it can.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        builtin: Mapping[str, str],
        fault: Callable[[object], str] = _anything,
    ) -> None:
        self.kind = kind
        self.group = group
        self.builtin = dict(builtin)
        self._fault = fault

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}

    def names(self) -> list[str]:
        """Every known name, sorted."""
        return sorted({*self.builtin, *self._plugins})

    def __contains__(self, name: str) -> bool:
        return name in self.builtin or name in self._plugins

    def load(self, name: str) -> Any:
        """The object behind `name`. Raises BadInput with the nearest known name where there is
        none, and where what another package gives is nothing of the kind.
        """
        if name in self.builtin:
            module, _, attribute = self.builtin[name].partition(":")
            return getattr(importlib.import_module(module), attribute)
        loaded = self._plugin(name) if name in self._plugins else self._named(name)
        if fault := self._fault(loaded):
            raise BadInput(f"{self.kind} {name!r} {fault}")
        return loaded

    def _plugin(self, name: str) -> Any:
        point = self._plugins[name]
        watch_imports()
        try:
            loaded = point.load()
        except FAILURES as error:
            raise BadInput(
                f"{self.kind} {name!r}, {point.value} of an installed package, cannot be imported:"
                f" {import_failure(error)}"
            ) from error
        register_user_module(point.module)
        return loaded

    def _named(self, name: str) -> Any:
        """Return the object that `module:attribute` names. Known names have colons too: in
        `lpips:alx` the name is wrong, not the module.
        """
        start = name.partition(":")[0]
        is_ours = any(registered.partition(":")[0] == start for registered in self.names())
        if is_ours or not TARGET.fullmatch(name):
            raise BadInput(f"unknown {self.kind} {name!r}{suggest(name, self.names())}")
        return import_object(self.kind, name)


def instance_fault(expected: str, *kinds: type) -> Callable[[object], str]:
    """For registries of instances: what is wrong with an object that is of none of `kinds`."""

    def fault(loaded: object) -> str:
        return "" if isinstance(loaded, kinds) else f"is {article(loaded)}, not {expected}"

    return fault


def article(value: object) -> str:
    """What an object is, in words: `the class Net`, `a function`."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
