"""What a command line may not hold, whatever its verb."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.core.errors import BadInput

_EMPTY_VALUE = re.compile(r"(--?[\w-]+)=\s*")


def check_given(arguments: Sequence[str]) -> None:
    """Raise BadInput for an argument that is given but empty: a shell's unset variable. Taken for
    one that was not given it would change what is compared, and as a path it is this folder.
    """
    for before, word in zip(["", *arguments], arguments, strict=False):
        if found := _EMPTY_VALUE.fullmatch(word):
            raise BadInput(f"{found[1]} is given an empty value; {_CURE}")
        if not word.strip():
            where = f"after {before}" if before.strip() else "at the start"
            raise BadInput(f"an empty argument {where}; {_CURE}")


_CURE = "name a value, or leave it out (was a variable of the shell not set?)"
