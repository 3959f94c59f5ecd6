"""Numbers of things, in words; and that no message has another way of its own."""

import re
from pathlib import Path

import pytest

import harness
from harness.core.counting import counted, counted_of, named

OWN_PLURALS = re.compile(r"""['"]s['"] ?\*|['"]s['"] if |['"]['"] if [^\n]* == 1 else ['"]s""")


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1000, "1,000 images")]
)
def test_one_is_one(count, words):
    assert counted(count, "image") == words


def test_words_of_another_plural_and_shares():
    assert counted(2, "class", "classes") == "2 classes"
    assert named(1, "entry", "entries") == "entry"
    assert counted_of(1, 1, "image") == "1 of 1 image"
    assert counted_of(1, 1200, "image") == "1 of 1,200 images"


def test_plurals_are_made_in_one_place():
    """What training's code is made from is left as it is: another text there trains all anew."""
    package = Path(harness.__file__).parent
    found = {
        str(file.relative_to(package))
        for file in package.rglob("*.py")
        if OWN_PLURALS.search(file.read_text())
    }
    assert found <= {"training/numerics.py"}
