"""What the verbs `fetch` do alike: get several things, and name at the end what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from harness.core.counting import counted_of
from harness.core.errors import BadInput
from harness.core.terminal import echo


def fetch_each(names: Iterable[str], kind: str, fetch_one: Callable[[str], None]) -> None:
    """Call `fetch_one` for each different name; one failure stops no other. `kind` is the word for
    what is fetched. Raises BadInput where something could not be fetched.
    """
    different = list(dict.fromkeys(names))
    failed = []
    for name in different:
        try:
            fetch_one(name)
        except BadInput as error:
            if len(different) == 1:
                raise
            failed.append(name)
            echo(f"harness: {error}", err=True)
    if failed:
        count = counted_of(len(failed), len(different), kind)
        raise BadInput(f"{count} not ready: {', '.join(failed)}")
