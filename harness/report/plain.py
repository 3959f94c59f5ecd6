"""Text that Markdown takes for text."""

from __future__ import annotations


def plain_text(text: object) -> str:
    """`text` on one line, without markup of its own: for a cell of a table, too."""
    line = " ".join(str(text).split())
    for character in "\\`*_[]|#~":
        line = line.replace(character, f"\\{character}")
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
