"""Whether images show the objects, numbers, colours and places that their prompts ask for.

Ghosh et al. 2023, "GenEval", arXiv:2310.11513, section 3: each image is right or wrong, by the
objects that a detector finds in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from harness.core.errors import BadInput
from harness.data.composition import SKILLS, Skill
from harness.metrics.averages import MeanOverImages
from harness.metrics.base import Estimate, Metric
from harness.metrics.checks import mean_over

_PAPER = "Ghosh et al. 2023, arXiv:2310.11513"


def _shown(prompts_shown: Tensor) -> Tensor:
    """1 for each image that shows all that its prompt asks for, else 0: float64 n, of bool n."""
    if prompts_shown.ndim != 1 or prompts_shown.dtype != torch.bool or not len(prompts_shown):
        shape = tuple(prompts_shown.shape)
        raise BadInput(f"judgements must be true or false for each image, not {shape}")
    return prompts_shown.double()


def _of_skill(skill: Skill) -> Callable[[Tensor, Sequence[Skill]], Estimate]:
    def share(prompts_shown: Tensor, prompt_skills: Sequence[Skill]) -> Estimate:
        chosen = torch.tensor([each == skill for each in prompt_skills])
        if not chosen.any():
            raise BadInput(f"none of the {len(prompt_skills):,} prompts is of the kind {skill}")
        return mean_over(_shown(prompts_shown)[chosen], "images")

    return share


def _metric(name: str, title: str, compute: Callable[..., Estimate]) -> Metric:
    return Metric(name, compute, "higher", title, _PAPER, kind="text", range=(0.0, 1.0))


COMPOSITION = _metric(
    "composition_accuracy", "accuracy of objects, counts, colours and places",
    MeanOverImages(_shown),
)  # fmt: skip

_TITLES: dict[Skill, tuple[str, str]] = {
    "object": ("object_accuracy", "accuracy of a single object"),
    "two_objects": ("two_object_accuracy", "accuracy of two objects"),
    "counting": ("counting_accuracy", "accuracy of counts"),
    "colours": ("object_colour_accuracy", "accuracy of an object's colour"),
    "positions": ("position_accuracy", "accuracy of relative places"),
    "colour_binding": ("colour_binding_accuracy", "accuracy of which object has which colour"),
}
(OBJECT, TWO_OBJECTS, COUNTING, COLOURS, POSITIONS, COLOUR_BINDING) = (
    _metric(*_TITLES[skill], _of_skill(skill)) for skill in SKILLS
)
