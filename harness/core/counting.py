"""Numbers of things, in words."""

from __future__ import annotations


def counted(count: int, one: str, several: str = "") -> str:
    """How many there are of what one of them is called; `several` where an s at the end is wrong.

    >>> counted(1, "image"), counted(1200, "image"), counted(0, "class", "classes")
    ('1 image', '1,200 images', '0 classes')
    """
    return f"{count:,} {named(count, one, several)}"


def named(count: int, one: str, several: str = "") -> str:
    """Return the word for `count` things, where their number is written elsewhere."""
    return one if count == 1 else several or f"{one}s"


def counted_of(part: int, whole: int, one: str, several: str = "") -> str:
    """So many of all.

    >>> counted_of(1, 1, "image"), counted_of(1, 3, "image")
    ('1 of 1 image', '1 of 3 images')
    """
    return f"{part:,} of {counted(whole, one, several)}"
