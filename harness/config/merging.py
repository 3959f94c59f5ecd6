"""Merge keys of YAML: `<<: *name` takes over what a mapping elsewhere has, as far as the mapping
itself does not say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from harness.core.errors import SpecError

MERGE = "tag:yaml.org,2002:merge"
Pairs = list[tuple[yaml.Node, yaml.Node]]


class Merging:
    """Replaces the merge keys of a document by what they stand for, in the tree of its nodes, where
    every key keeps the line that it is written in.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._left = most
        """How many keys may still be taken over: a short text can ask for very many."""
        self._done: set[int] = set()
        self._open: set[int] = set()

    def expand(self, node: yaml.Node) -> None:
        """Expand a node and all below it. Each is expanded once, however often it is referred to.

        Raises SpecError where `<<` has no mapping, and where a mapping merges itself.
        """
        if id(node) in self._done or isinstance(node, yaml.ScalarNode):
            return
        if id(node) in self._open:  # refers to itself, which whoever visits all values refuses
            return
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._merge(node)
            for _, child in node.value:
                self.expand(child)
        else:
            for child in node.value:
                self.expand(child)
        self._open.discard(id(node))
        self._done.add(id(node))

    def _merge(self, node: yaml.MappingNode) -> None:
        pairs: Pairs = [pair for pair in node.value if pair[0].tag != MERGE]
        names = {str(key.value) for key, _ in pairs}
        for key, value in node.value:
            for source in self._sources(key, value) if key.tag == MERGE else ():
                self.expand(source)
                pairs += self._taken(source, names)
        node.value = pairs

    def _taken(self, source: yaml.MappingNode, names: set[str]) -> Iterator[tuple[Any, Any]]:
        """The keys that `names` does not have yet, which are added to it."""
        self._left -= len(source.value)
        if self._left < 0:
            line = source.start_mark.line + 1
            raise SpecError("its merge keys (<<) expand without end", self._path, line)
        for key, value in source.value:
            if str(key.value) not in names:
                names.add(str(key.value))
                yield key, value

    def _sources(self, key: yaml.Node, value: yaml.Node) -> list[yaml.MappingNode]:
        """The mappings that a merge key names, the one that prevails first."""
        listed = value.value if isinstance(value, yaml.SequenceNode) else [value]
        line = key.start_mark.line + 1
        sources = [source for source in listed if isinstance(source, yaml.MappingNode)]
        if len(sources) < len(listed) or not listed:
            raise SpecError("<<: takes a mapping or a list of them", self._path, line)
        if any(id(source) in self._open for source in sources):
            raise SpecError("<<: the mapping merges itself", self._path, line)
        return sources
