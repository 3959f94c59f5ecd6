"""Prompts that ask for objects, their number, colours and places, and what they ask for.

In the way of GenEval (Ghosh et al. 2023, arXiv:2310.11513): "a square", "two squares and a heart",
"a red heart", "a heart left of a square", each also after "a photo of".
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from harness.core.errors import BadInput, suggest

Skill = Literal["object", "two_objects", "counting", "colours", "positions", "colour_binding"]
"""What a prompt tests; GenEval's six tasks, in its order."""

SKILLS: tuple[Skill, ...] = get_args(Skill)

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
COLOURS = tuple("red orange yellow green blue purple pink brown black white".split())
RELATIONS = ("left of", "right of", "above", "below")

_RELATION = re.compile(rf" (?:to the )?({'|'.join(RELATIONS)}) ")
_PHRASE = re.compile(rf"(an?|{'|'.join(NUMBERS)}) (?:({'|'.join(COLOURS)}) )?([\w -]+)")


@dataclass(frozen=True)
class ObjectRequest:
    """A request for `count` objects of a name, in a colour ("" where none is asked for)."""

    name: str
    count: int = 1
    colour: str = ""

    def called_by(self, names: Collection[str]) -> str:
        """Which of the `names` is meant: a plural may have been made with "es". Raises BadInput
        where none is.
        """
        singular = self.name.removesuffix("e")
        if self.name in names:
            return self.name
        if self.count > 1 and singular.endswith("s") and singular in names:
            return singular
        raise BadInput(f"unknown object {self.name!r}{suggest(self.name, names)}")


@dataclass(frozen=True)
class Prompt:
    """One or two requests; with a relation, the first is so placed to the second."""

    requests: tuple[ObjectRequest, ...]
    relation: str = ""

    @property
    def skill(self) -> Skill:
        """The task of GenEval that it belongs to."""
        is_coloured = any(request.colour for request in self.requests)
        if self.relation:
            return "positions"
        if len(self.requests) > 1:
            return "colour_binding" if is_coloured else "two_objects"
        if self.requests[0].count > 1:
            return "counting"
        return "colours" if is_coloured else "object"


def parse_prompt(text: str) -> Prompt:
    """What a prompt asks for. Raises BadInput for one of another form."""
    words = " ".join(text.lower().strip(" .").split()).removeprefix("a photo of ")
    parts = _RELATION.split(words)
    phrases = [parts[0], parts[2]] if len(parts) == 3 else words.split(" and ")
    matches = [_PHRASE.fullmatch(phrase) for phrase in phrases]
    if len(phrases) > 2 or not all(matches):
        raise BadInput(
            f"the prompt {text!r} is none of the forms 'two red squares', 'a square and a heart' "
            "or 'a square left of a heart'"
        )
    requests = tuple(_request(match) for match in matches if match)
    return Prompt(requests, parts[1] if len(parts) == 3 else "")


def _request(match: re.Match[str]) -> ObjectRequest:
    number, colour, noun = match[1], match[2] or "", match[3].strip()
    count = NUMBERS.index(number) + 1 if number in NUMBERS else 1
    return ObjectRequest(noun.removesuffix("s") if count > 1 else noun, count, colour)


def write_prompt(prompt: Prompt) -> str:
    """The text that `parse_prompt` reads the prompt from."""
    phrases = [_phrase(request) for request in prompt.requests]
    return f" {prompt.relation or 'and'} ".join(phrases)


def _phrase(request: ObjectRequest) -> str:
    words = " ".join(filter(None, (request.colour, request.name)))
    if request.count > 1:
        ending = "es" if request.name.endswith("s") else "s"
        return f"{NUMBERS[request.count - 1]} {words}{ending}"
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"
