"""What a model's adversary says of test images and of samples."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.core.seeding import generator
from harness.data.pixels import to_float
from harness.evaluation.evidence import Evidence
from harness.evaluation.requirements import Candidate, Requirement, Unavailable, of_model, require
from harness.evaluation.specs import evidence
from harness.families.capabilities import Discriminates, is_conditional, takes_texts

OUTPUTS = {
    "log odds": "the odds that images are real",
    "value": "a critic's values",
    "score": "scores, neither odds nor a critic's values",
}
"""What a discriminator outputs, by what its output means."""


def _no_judge(odds: bool) -> Unavailable:
    """A critic's values are on a scale of their own, and are no odds."""

    def reason(candidate: Candidate) -> str | None:
        model, family = candidate.model, candidate.family
        if not isinstance(family, Discriminates):
            return f"{model} has no discriminator"
        if is_conditional(family):
            return f"{model}'s discriminator judges images of a class"
        if takes_texts(family):
            return f"{model}'s discriminator judges images of a text"
        if family.output_meaning == ("log odds" if odds else "value"):
            return None
        outputs = OUTPUTS[family.output_meaning]
        return f"{model}'s discriminator outputs {outputs}"

    return of_model(reason)


require(Requirement("critic", _no_judge(odds=False)))
require(Requirement("odds", _no_judge(odds=True)))


@evidence(requires=("critic", "reference"))
def critic_on_test(e: Evidence) -> Tensor:
    """A Wasserstein critic's values of the test images, n."""
    return _judged(e, "reference_images")


@evidence(requires=("samples",))
def opponent_samples(e: Evidence) -> Tensor:
    """New images as the model's adversary met them in training, of the raw weights; as many as
    there are samples.
    """
    draws = generator(e.seed, "opponent", e.draw, device=e.device)
    with torch.inference_mode():
        made = e.stored(e.model.opponent_samples(e.setup.samples, draws))
    return e.on_scale(made, "opponent_samples")


@evidence(requires=("critic", "samples"))
def critic_on_samples(e: Evidence) -> Tensor:
    """A Wasserstein critic's values of the images that it met in training, n."""
    return _judged(e, "opponent_samples")


@evidence(requires=("odds", "reference"))
def odds_on_test(e: Evidence) -> Tensor:
    """The log odds that test images are real, by the discriminator, n."""
    return _judged(e, "reference_images")


@evidence(requires=("odds", "samples"))
def odds_on_samples(e: Evidence) -> Tensor:
    """The log odds that the images it met in training are real, by the discriminator, n."""
    return _judged(e, "opponent_samples")


def _judged(e: Evidence, images: str) -> Tensor:
    """All at once: how images are put into batches is the model's."""
    outputs: Tensor = e.model.discriminate(to_float(e[images]).to(e.device))
    return outputs.cpu()
