"""What a recipe takes over from the one that it extends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.config.yaml_files import Document, Keys

KIND = "kind"
"""The key that says which part a mapping configures, and so which other keys it may have."""


def inherit(parent: Document, child: Document) -> Document:
    """Return the child's document with all that it does not say taken over from the parent.

    Mappings merge, everything else replaces. A mapping whose `kind` is not the parent's replaces
    the parent's mapping too: settings of one kind mean nothing to another. Each value keeps the
    file and line that it comes from.
    """
    replaced = set(_replaced(parent.value, child.value, ()))
    places = {
        keys: place
        for keys, place in parent.places.items()
        if not any(keys[:length] in replaced for length in range(1, len(keys) + 1))
    }
    value = merge_settings(parent.value, child.value)
    return Document(value, child.path, {**places, **child.places}, child.text)


def merge_settings(parent: Mapping[str, Any], child: Mapping[str, Any]) -> dict[str, Any]:
    """The child's settings, with all that they do not say taken over from the parent's."""
    return {**parent} | {
        key: merge_settings(parent[key], value) if _merges(parent.get(key), value) else value
        for key, value in child.items()
    }


def _merges(parent: object, child: object) -> bool:
    """Whether a child's value is merged with its parent's and does not replace it."""
    if not (isinstance(parent, dict) and isinstance(child, dict)):
        return False
    return KIND not in child or child[KIND] == parent.get(KIND)


def _replaced(parent: Mapping[str, Any], child: Mapping[str, Any], keys: Keys) -> Iterator[Keys]:
    """The keys of the parent's values that the child's replace."""
    for key, value in child.items():
        if key in parent and _merges(parent[key], value):
            yield from _replaced(parent[key], value, (*keys, key))
        elif key in parent:
            yield (*keys, key)
