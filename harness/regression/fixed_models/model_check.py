"""Whether a model's images differ from its reference's: image by image, and as sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from scipy.stats import binom
from torch import Tensor

from harness.core.counting import counted_of
from harness.regression.fixed_models.measures import MEASURES
from harness.regression.fixed_models.scores import ModelScores
from harness.statistics.formatting import number, percent
from harness.statistics.kernel_test import KernelTest, kernel_test
from harness.statistics.paired_mean import PairedMean

ModelOutcome = Literal[
    "identical", "no difference", "other images", "tolerated", "different", "inconclusive"
]
ALPHA = 0.05
"""The chance of a false alarm of a whole check, shared equally by its tests."""
ROUNDING = 12**-0.5
"""The error of rounding to 8 bits, in grey levels: smaller differences are none."""
REPEATABLE = 1.0
"""A reference whose images differ by no more than this between two runs, in grey levels, is
repeatable."""
FAR = 10.0
"""An image is broken where it differs by this many grey levels from that of a repeatable
reference."""
SHARE = 0.2
"""A model may pass a comparison of sets only where noise in place of this share of images would be
found."""


@dataclass(frozen=True)
class ModelCheck:
    """The outcome of a check, and the reason in a clause.

    `broken` says of each image whether it is blank, or far from its reference's (N bool). `detects`
    is the mean difference of pixels beyond run-to-run noise that would have been found in 8 of 10
    cases, in grey levels; None where that was not tested. `sets` is the test of the sets, where it
    was made.
    """

    outcome: ModelOutcome
    reason: str
    broken: Tensor
    detects: float | None = None
    sets: KernelTest | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of the command."""
        return {"different": 1, "inconclusive": 4}.get(self.outcome, 0)


def check_model(scores: ModelScores, tolerances: Mapping[str, float]) -> ModelCheck:
    """Decides whether the images differ by more than two runs of the reference do.

    `tolerances` are the largest allowed means by measure (for PSNR the smallest). Where there are
    any, only they and broken images decide.
    """
    if scores.are_equal:
        none = torch.zeros(len(scores), dtype=torch.bool)
        return ModelCheck("identical", "the images are equal to the byte", none)
    if tolerances:
        return _against_tolerances(scores, tolerances)
    alpha = ALPHA / (5 if scores.has_clip_scores else 4)  # mean, signs, pairing, sets, and texts
    noise = scores.reruns["rms"]
    if float(noise.mean()) > 1 and not _is_nearer_than_seeds(noise, scores, alpha):
        return _compare_sets(scores, alpha, is_repeatable=False)
    differences = scores.pairs["rms"] - noise
    excess = PairedMean.of(differences.tolist())
    is_above = excess.is_above(ROUNDING, alpha) or _are_more_positive(differences, alpha)
    if is_above and not _is_nearer_than_seeds(scores.pairs["rms"], scores, alpha):
        return _compare_sets(scores, alpha, is_repeatable=True)
    return _compare_images(scores, excess, is_above, alpha)


def _compare_images(
    scores: ModelScores, excess: PairedMean, is_above: bool, alpha: float
) -> ModelCheck:
    """The outcome where pairs belong together. `excess` is the difference of pixels beyond the
    difference between the reference's runs; `is_above` says whether it is above zero.
    """
    pairs, noise = scores.pairs["rms"], scores.reruns["rms"]
    broken = (
        (pairs > FAR) | scores.new_blanks if float(noise.max()) <= REPEATABLE else _outlying(scores)
    )
    whole = PairedMean.of((pairs - noise)[~broken].tolist()) if (~broken).sum() > 1 else excess
    detects = ROUNDING + whole.detects(alpha)
    means = (
        f"images differ by {_levels(float(pairs.mean()))} on average, and by "
        f"{_levels(float(noise.mean()))} between two runs of the reference"
    )
    if is_above:
        return ModelCheck("different", _with_broken(means, broken), broken, detects)
    if bool(broken.any()):
        return ModelCheck("different", _with_broken("", broken), broken, detects)
    if excess.is_below(max(ROUNDING, float(noise.mean())), alpha):
        return ModelCheck("no difference", means, broken, detects)
    reason = f"{means}; a difference as large as that between two runs is not ruled out"
    return ModelCheck("inconclusive", f"{reason}: draw more images with -n", broken, detects)


def _compare_sets(scores: ModelScores, alpha: float, is_repeatable: bool) -> ModelCheck:
    """The outcome where a pair's images have no more in common than images of two seeds."""
    broken = scores.new_blanks
    draw, others = scores.sets(with_rerun=not is_repeatable)
    test = kernel_test(draw, others, scores.noise_features(), alpha)
    start = "the images differ as images of another seed do"
    if not is_repeatable:
        start = "two runs of the reference differ as much as two seeds do"
    if bool(broken.any()):
        return ModelCheck("different", _with_broken(start, broken), broken, sets=test)
    p_value = f"(p = {number(test.p, 3)})"
    if test.p <= alpha:
        return ModelCheck("different", f"{start}; the sets differ {p_value}", broken, sets=test)
    if scores.has_clip_scores:
        fall = PairedMean.of(scores.pairs["clip_score"].tolist())
        if fall.is_above(0, alpha):
            less = f"the CLIP score falls by {number(fall.mean, 2)} on average"
            return ModelCheck("different", f"{start}; {less}", broken, sets=test)
    alike = f"{start}; no difference of the sets is seen {p_value}"
    if test.detects is not None and test.detects <= SHARE:
        return ModelCheck("other images", alike, broken, sets=test)
    lack = f"noise in place of {percent(SHARE)} of the images would not be found"
    reason = f"{alike}, but {lack}: draw more images with -n"
    return ModelCheck("inconclusive", reason, broken, sets=test)


def _against_tolerances(scores: ModelScores, tolerances: Mapping[str, float]) -> ModelCheck:
    """The outcome by the mean of each measure; single images are broken where they are blank, or
    farther from their reference's than any image of another seed is.
    """
    broken = _outlying(scores)
    if bool(broken.any()):
        return ModelCheck("different", _with_broken("", broken), broken)
    alpha, beyond, within, texts = ALPHA / len(tolerances), [], [], []
    for name, limit in tolerances.items():
        measure = MEASURES[name]
        sign = -1 if measure.worse == "lower" else 1
        mean = PairedMean.of((sign * scores.pairs[name]).tolist())
        bound = "at least" if sign < 0 else "at most"
        value = number(sign * mean.mean, measure.digits)
        text = f"{measure.title} {value} on average, where {bound} {limit:g} is allowed"
        texts.append(text)
        beyond += [text] if mean.is_above(sign * limit, alpha) else []
        within += [text] if mean.is_below(sign * limit, alpha) else []
    if beyond:
        return ModelCheck("different", "; ".join(beyond), broken)
    if len(within) == len(tolerances):
        return ModelCheck("tolerated", "; ".join(texts), broken)
    open_ones = "; ".join(text for text in texts if text not in within)
    reason = f"{open_ones}: neither kept nor exceeded beyond doubt; draw more images with -n"
    return ModelCheck("inconclusive", reason, broken)


def _outlying(scores: ModelScores) -> Tensor:
    """Which images are blank, or farther from their reference's than any image of another seed."""
    farther = [scores.pairs[name] > scores.seeds[name].max() for name in ("rms", "features")]
    return farther[0] | farther[1] | scores.new_blanks


def _are_more_positive(differences: Tensor, alpha: float) -> bool:
    """Whether more differences beyond rounding are positive than by chance (sign test)."""
    positive, negative = (int((sign * differences > ROUNDING).sum()) for sign in (1, -1))
    return bool(binom.sf(positive - 1, positive + negative, 0.5) <= alpha)


def _is_nearer_than_seeds(differences: Tensor, scores: ModelScores, alpha: float) -> bool:
    """Whether pairs whose pixels differ so are nearer than images of two seeds of the reference."""
    return PairedMean.of((scores.seeds["rms"] - differences).tolist()).is_above(0, alpha)


def _with_broken(reason: str, broken: Tensor) -> str:
    """The reason, and how many images are broken."""
    if not (count := int(broken.sum())):
        return reason
    which = broken.nonzero().flatten().tolist()
    listed = ", ".join(map(str, which[:3])) + (", …" if count > 3 else "")
    is_or_are = "is" if count == 1 else "are"
    text = f"{counted_of(count, len(broken), 'image')} {is_or_are} broken (number {listed})"
    return f"{reason}; {text}" if reason else text


def _levels(value: float) -> str:
    return f"{number(value, 2)} {MEASURES['rms'].unit}"
