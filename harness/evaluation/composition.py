"""Prompts judged by the objects that a detector finds in images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

import harness.evaluation.texts  # noqa: F401 - declares what has texts
from harness.core.errors import BadInput
from harness.data.composition import ObjectRequest, Prompt, Skill, parse_prompt
from harness.evaluation.evidence import Evidence
from harness.evaluation.specs import evidence
from harness.extractors.base import DetectedObject, ObjectDetector

COUNTING_SCORE = 0.9
"""Objects of a lower score are not counted, as in GenEval."""
MARGIN = 0.1
"""The share of both objects' extents by which centres must be apart, as in GenEval."""
DIRECTIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}
"""Across and down, from the second object to the first."""


@evidence(requires=("texts",))
def prompts(e: Evidence) -> list[Prompt]:
    """What each sample is asked to show. Raises BadInput for a text that is no such prompt."""
    return [parse_prompt(text) for text in e["texts"]]


@evidence(requires=("texts",))
def prompt_skills(e: Evidence) -> list[Skill]:
    """The skill that each prompt tests."""
    return [prompt.skill for prompt in e["prompts"]]


@evidence(requires=("samples", "texts"), role="detector")
def prompts_shown(e: Evidence) -> Tensor:
    """Whether each sample shows all that its prompt asks for: bool N."""
    detector = e.object_detector()
    asked = [_by_names(prompt, detector) for prompt in e["prompts"]]
    coloured = [frozenset(r.name for r in prompt.requests if r.colour) for prompt in asked]
    objects = detector.detect(e["samples"], coloured)
    return torch.tensor([shows(p, found) for p, found in zip(asked, objects, strict=True)])


def _by_names(prompt: Prompt, detector: ObjectDetector) -> Prompt:
    """The prompt with the detector's names of objects. Raises BadInput where it has none."""
    try:
        requests = [replace(r, name=r.called_by(detector.names)) for r in prompt.requests]
    except BadInput as error:
        raise BadInput(f"{detector.name}: {error}, which a prompt asks for") from error
    return replace(prompt, requests=tuple(requests))


def shows(prompt: Prompt, objects: Sequence[DetectedObject]) -> bool:
    """Whether these objects are all that the prompt asks for: of a request for several as many and
    no more, of a request for one at least one.
    """
    groups = [_matching(request, objects) for request in prompt.requests]
    if not all(groups):
        return False
    if not prompt.relation:
        return True
    return any(
        is_placed(first, prompt.relation, second) for first in groups[0] for second in groups[1]
    )


def _matching(request: ObjectRequest, objects: Sequence[DetectedObject]) -> list[DetectedObject]:
    """The objects that meet a request; none where they are not as many as it asks for."""
    named = [each for each in objects if each.name == request.name]
    if request.count > 1:
        named = [each for each in named if each.score >= COUNTING_SCORE]
        if len(named) != request.count:
            return []
    met = [each for each in named if request.colour in {"", each.colour}]
    return met if len(met) >= request.count else []


def is_placed(first: DetectedObject, relation: str, second: DetectedObject) -> bool:
    """Whether the first object is so placed to the second (GenEval, section 3.2).

    The offset of the centres, less a tenth of the sum of both extents, must have more than half of
    the centres' distance in the direction of the relation.
    """
    sides = ((0, 2), (1, 3))
    offsets = [_centre(first, *side) - _centre(second, *side) for side in sides]
    if not (distance := math.hypot(*offsets)):
        return False
    margins = [MARGIN * (_extent(first, *side) + _extent(second, *side)) for side in sides]
    shares = [
        math.copysign(max(abs(offset) - margin, 0.0), offset) / distance
        for offset, margin in zip(offsets, margins, strict=True)
    ]
    across, down = DIRECTIONS[relation]
    return across * shares[0] + down * shares[1] > 0.5


def _centre(each: DetectedObject, low: int, high: int) -> float:
    return (each.box[low] + each.box[high]) / 2


def _extent(each: DetectedObject, low: int, high: int) -> float:
    return each.box[high] - each.box[low]
