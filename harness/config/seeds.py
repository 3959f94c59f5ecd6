"""Training seeds as people write them: `0,1,2`, `0-4`, `0-4,7`."""

from __future__ import annotations

import re

MOST = 10_000
"""Seeds of a suite: far more than anyone trains."""
PATTERN = r"^ *\d+( *- *\d+)?( *, *\d+( *- *\d+)?)* *$"
RIGHT = "write numbers such as 0,1,2 or a range such as 0-4"


def parse_seeds(text: str) -> list[int]:
    """The seeds that a text lists. Raises ValueError with what would be right."""
    if not re.fullmatch(PATTERN, text, re.ASCII):
        raise ValueError(RIGHT)
    seeds: list[int] = []
    for part in text.replace(" ", "").split(","):
        first, _, last = part.partition("-")
        start, stop = int(first[:20]), int((last or first)[:20])
        if stop < start:
            raise ValueError(f"the range {part} is empty; write it upwards, such as 0-4")
        if len(seeds) + stop - start >= MOST:
            raise ValueError(f"more than {MOST:,} seeds")
        seeds += range(start, stop + 1)
    return seeds
