"""Text that Markdown takes for text."""

from __future__ import annotations


def plain_text(text: object) -> str:
    """Returns `text` on one line with Markdown's signs escaped, also for a cell of a table."""
    line = " ".join(str(text).split())
    for character in "\\`*_[]|#~":
        line = line.replace(character, f"\\{character}")
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
