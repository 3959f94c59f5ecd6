"""Numbers of things, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping


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


def counted_on(
    counts: Mapping[str, int],
    one: str,
    several: str = "",
    write: Callable[[int], str] = "{:,}".format,
) -> str:
    """As `counted`, of things whose number may differ between what they are on.

    >>> counted_on({"digits": 40_000, "mnist": 40_000}, "image")
    '40,000 images'
    >>> counted_on({"digits": 40_000, "faces": 40_000, "mnist": 600_000}, "image")
    '40,000 images on digits and faces, 600,000 on mnist'
    """
    groups: dict[int, list[str]] = {}
    for name, count in counts.items():
        groups.setdefault(count, []).append(name)
    word = named(max(groups), one, several)
    if len(groups) == 1:
        return f"{write(next(iter(groups)))} {word}"
    (first, names), *others = groups.items()
    texts = [f"{write(count)} on {_listing(names)}" for count, names in others]
    return ", ".join([f"{write(first)} {word} on {_listing(names)}", *texts])


def _listing(names: list[str]) -> str:
    """The names in words; of more than three, two and the number of the others."""
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} others"]
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
