"""Which metrics notice which known disturbances of real images.

Real images are split at random into a reference, a training set and a supply from which samples
are taken, all alike. Samples as they are tell how far each metric wanders by chance; disturbed
samples must take it further than that, and the further the stronger the disturbance.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy.special import stdtrit
from torch import Tensor

from harness.core.disturbance import WORDS, Disturbance, Response, disturbances_text
from harness.core.errors import BadInput
from harness.data.disturbances import add_pixel_noise, blur, repeat_few
from harness.metrics.base import Estimate, Metric

Trial = Literal["none"] | Disturbance
"""What samples are in one part of a self-test: real images as they are, or disturbed."""

LADDERS: dict[Trial, tuple[float, ...]] = {
    "none": (0.0,),
    "noise": (0.05, 0.1, 0.2),
    "blur": (0.5, 1.0, 2.0),
    "grey": (0.25, 0.5, 1.0),
    "dropped_modes": (0.1, 0.2, 0.4),
    "few_per_class": (0.5, 0.75, 0.9),
    "duplicates": (0.5, 0.75, 0.9),
    "copies": (0.25, 0.5, 1.0),
}
"""The levels of each disturbance, as `disturb` takes them, from weak to strong."""

BY_IMAGE: tuple[Trial, ...] = ("none", "noise", "blur", "grey")
"""The trials that change each image by itself, so that it can be compared with its original."""

HEADINGS: dict[Trial, str] = {
    kind: WORDS[kind] if kind != "none" else "real images" for kind in LADDERS
}
"""What samples are under each disturbance, in words."""

FEWEST = 200
"""Images that a self-test needs at least."""

DRAWS = 20
"""Random splits on which the samples are as good as the reference."""

LEVEL = 0.001
"""How often a metric may by chance seem to notice what is not there."""

BOUND = float(stdtrit(DRAWS - 1, 1 - LEVEL / 2)) * math.sqrt(1 + 1 / DRAWS)
"""Standard deviations of undisturbed values within which a fresh one is, but for the share LEVEL:
its own noise and the noise of their mean together.
"""

VERSION = 2
"""Raised with every change of how metrics are tested or of what is asked of them."""


@dataclass(frozen=True)
class Parts:
    """Images uint8 N×C×H×W that metrics compare; samples and training images need no labels.

    `originals` are what the samples were before, one by one; None where the disturbance is of the
    set (`BY_IMAGE` has the others).
    """

    samples: Tensor
    reference: Tensor
    reference_labels: Tensor
    train: Tensor
    originals: Tensor | None = None


class NotApplicable(BadInput):
    """A metric has nothing to measure under a disturbance, or the disturbance does nothing."""


Measure = Callable[[Parts], Mapping[str, Estimate | BadInput]]
"""Each metric's estimate by its name, or the error with which it refuses the images."""


@dataclass(frozen=True)
class SelftestSplit:
    """Real images in random order: n of reference, n of training, and 2n to take n samples from."""

    reference: Tensor
    reference_labels: Tensor
    train: Tensor
    supply: Tensor
    supply_labels: Tensor

    def disturbed(self, kind: Trial, level: float, seed: int) -> Parts:
        """The parts with disturbed samples. Raises NotApplicable as `disturb` does."""
        samples = disturb(kind, level, self.supply, self.supply_labels, self.train, seed)
        originals = self.supply[: len(samples)] if kind in BY_IMAGE else None
        return Parts(samples, self.reference, self.reference_labels, self.train, originals)


def selftest_split(images: Tensor, labels: Tensor, seed: int) -> SelftestSplit:
    """A random split of uint8 images N×C×H×W with labels int64 N; n is a quarter of N."""
    if images.dtype != torch.uint8 or images.ndim != 4 or labels.shape != (len(images),):
        raise BadInput(
            f"a self-test needs uint8 images N×C×H×W with a label each, not {images.dtype} of "
            f"shape {tuple(images.shape)} with labels of shape {tuple(labels.shape)}"
        )
    if len(images) < FEWEST:
        raise BadInput(f"a self-test needs at least {FEWEST} images, not {len(images)}")
    n = len(images) // 4
    order = torch.from_numpy(np.random.RandomState(seed).permutation(len(images)))
    reference, train, supply = order[:n], order[n : 2 * n], order[2 * n : 4 * n]
    return SelftestSplit(
        images[reference], labels[reference], images[train], images[supply], labels[supply]
    )


def disturb(  # noqa: PLR0913, PLR0917 - what there is to disturb, and how
    kind: Trial, level: float, supply: Tensor, labels: Tensor, train: Tensor, seed: int
) -> Tensor:
    """Half as many samples as `supply` has images, disturbed at `level`.

    The first half of `supply`, uint8 2n×C×H×W, is what samples would be undisturbed.
    - "none": as they are.
    - "noise": Gaussian noise is added, of standard deviation `level` of the range of 255.
    - "blur": a Gaussian blur of standard deviation `level` pixels.
    - "grey": RGB images lose the share `level` of their colour: each channel moves that far to the
      mean of the three.
    - "dropped_modes": images of the share `level` of the classes, one at least, are left out, and
      replaced by others of the supply; which classes, `seed` says, and those left out at one level
      are left out at a higher one.
    - "few_per_class": the share `level` of the images of each class is left out and replaced by
      repeats of the others of that class.
    - "duplicates": the share `level` of the samples repeats the others in turn.
    - "copies": the share `level` is taken from `train`, of at least n images.

    Raises NotApplicable where the images have no colours to lose, or too few classes or images.
    """
    n = len(supply) // 2
    fresh = supply[:n]
    kept = max(1, round(n * (1 - level)))
    copied = round(n * level)
    changes: dict[Trial, Callable[[], Tensor]] = {
        "none": lambda: fresh,
        "noise": lambda: add_pixel_noise(fresh, level, seed),
        "blur": lambda: blur(fresh, level),
        "grey": lambda: _greyer(fresh, level),
        "dropped_modes": lambda: _without_classes(level, supply, labels, seed),
        "few_per_class": lambda: _few_per_class(fresh, labels[:n], 1 - level),
        "duplicates": lambda: fresh[torch.arange(n) % kept],
        "copies": lambda: torch.cat([train[:copied], fresh[copied:]]),
    }
    return changes[kind]()


def _greyer(images: Tensor, level: float) -> Tensor:
    if images.shape[1] != 3:
        raise NotApplicable("the images have no colours")
    values = images.double()
    greyer = torch.lerp(values, values.mean(dim=1, keepdim=True).expand_as(values), level)
    if torch.equal(greyer, values):
        raise NotApplicable("the images are grey already")
    return greyer.round().clamp(0, 255).to(torch.uint8)


def _few_per_class(images: Tensor, labels: Tensor, share: float) -> Tensor:
    if len(torch.unique(labels)) < 2:
        raise NotApplicable("the images have no classes to keep a few images of")
    return repeat_few(images, labels, share)


def _without_classes(level: float, supply: Tensor, labels: Tensor, seed: int) -> Tensor:
    classes = np.random.RandomState(seed).permutation(np.unique(labels.numpy()))
    dropped = torch.from_numpy(classes[: max(1, round(level * len(classes)))])
    kept = supply[~torch.isin(labels, dropped)]
    if len(kept) < (n := len(supply) // 2):
        raise NotApplicable(
            f"without {len(dropped)} of {len(classes)} classes only {len(kept)} images are left "
            f"of the {n} that a self-test needs; its classes are too few or too unequal"
        )
    return kept[:n]


def run_disturbances(
    images: Tensor, labels: Tensor, measure: Measure, metrics: Sequence[Metric], seed: int = 0
) -> pd.DataFrame:
    """What each of `metrics` notices: a row for each metric and disturbance.

    `images` are uint8 N×C×H×W and real, with `labels` int64 N; of no metric may they be training
    images more than test images. `measure` gives the metrics' values by name. Columns:

    - `metric`, `disturbance`;
    - `asked`: whether the metric's record says that it would be fooled (`Metric.fooled_by`);
    - `moved`: "worse" or "better" (by the metric's own direction; "higher" or "lower" where no side
      is better) where the value at the highest level is beyond the noise and no higher level takes
      it back by more than the noise, else "no". Noise is what a share LEVEL of undisturbed values
      would exceed;
    - `effect`: by how many standard deviations of undisturbed values, positive for worse, or for
      higher where no side is better; infinite where those do not vary at all;
    - `trend`: of the pairs of levels, none included, whose values differ by more than the noise,
      the share in the order of worse (or of higher) minus that in the other (Goodman and Kruskal's
      γ); 0 without such a pair;
    - `verdict`: "passes" or "fooled" where asked, as `outcome_of` says, else "not asked";
    - `reason`: why the metric refuses samples of some level, mostly empty. Then `moved` and, where
      asked, `verdict` are "no value", and `effect` and `trend` NaN: a refusal is no number that
      misleads, but ranks nothing either. Where there is nothing to measure both are "not
      applicable";
    - `undisturbed`, `noise`: mean and standard deviation over DRAWS random splits;
    - `values`: at each level of LADDERS, NaN where refused.
    """
    splits = [selftest_split(images, labels, seed + i) for i in range(DRAWS + 1)]
    undisturbed = [measure(one.disturbed("none", 0, seed)) for one in splits[:-1]]
    rows = []
    for kind, levels in LADDERS.items():
        # "none" is tried on a split of its own, the others on one whose noise is known.
        one = splits[-1] if kind == "none" else splits[0]
        results = [_measured_at(one, kind, level, seed, measure) for level in levels]
        for metric in metrics:
            chance = [values[metric.name] for values in undisturbed]
            ladder = [
                values if isinstance(values, BadInput) else values[metric.name]
                for values in results
            ]
            rows.append(_row(metric, kind, chance, ladder))
    table = pd.DataFrame(rows)
    order = {metric.name: i for i, metric in enumerate(metrics)}
    return table.sort_values("metric", key=lambda m: m.map(order), kind="stable", ignore_index=True)


def _measured_at(
    split: SelftestSplit, kind: Trial, level: float, seed: int, measure: Measure
) -> Mapping[str, Estimate | BadInput] | NotApplicable:
    try:
        return measure(split.disturbed(kind, level, seed))
    except NotApplicable as reason:
        return reason


def outcome_of(moved: str, response: Response | None) -> str:
    """Whether a metric that `moved` so under a disturbance "passes" or is "fooled": by its
    `response` it must get worse, higher or lower, or stay, as it must without a disturbance (None).
    What has no value has no other outcome.
    """
    if moved in NO_OUTCOME:
        return moved
    needed = "no" if response in (None, "steady") else response
    return "passes" if moved == needed else "fooled"


NO_OUTCOME = ("no value", "not applicable")


def failure_sentence(failed: Sequence[Trial]) -> str:
    """What a metric did that failed on these disturbances.

    >>> failure_sentence(["none", "blur", "copies"])
    'moved without a disturbance and was fooled by blur and copies of training images'
    """
    fooling = [kind for kind in failed if kind != "none"]
    parts = ["moved without a disturbance"] if "none" in failed else []
    parts += [f"was fooled by {disturbances_text(fooling)}"] if fooling else []
    return " and ".join(parts)


def _row(
    metric: Metric,
    kind: Trial,
    undisturbed: Sequence[Estimate | BadInput],
    results: Sequence[Estimate | BadInput],
) -> dict[str, object]:
    chance, ladder = _values(undisturbed), _values(results)
    mean, noise = float(chance.mean()), float(chance.std(ddof=1))
    refusals = [one for one in [*undisturbed, *results] if isinstance(one, BadInput)]
    sign = -1.0 if metric.better == "higher" else 1.0
    if refusals:
        effect, trend = math.nan, math.nan
        moved = NO_OUTCOME[isinstance(refusals[0], NotApplicable)]
    else:
        effect = _ratio(sign * (float(ladder[-1]) - mean), noise)
        trend = _trend(sign * np.array([mean, *ladder]), BOUND * noise)
        moved = _moved(effect, trend, metric.has_sides)
    response = None if kind == "none" else metric.fooled_by.get(kind)
    is_asked = kind == "none" or response is not None
    verdict = outcome_of(moved, response) if is_asked else "not asked"
    return {
        "metric": metric.name,
        "disturbance": kind,
        "asked": is_asked,
        "moved": moved,
        "effect": effect,
        "trend": trend,
        "verdict": moved if moved == "not applicable" else verdict,
        "reason": str(refusals[0]) if refusals else "",
        "undisturbed": mean,
        "noise": noise,
        "values": tuple(float(value) for value in ladder),
    }


def _values(estimates: Sequence[Estimate | BadInput]) -> npt.NDArray[np.float64]:
    """The values, NaN where refused."""
    return np.array([math.nan if isinstance(one, BadInput) else one.value for one in estimates])


def _moved(effect: float, trend: float, has_sides: bool) -> str:
    if abs(effect) > BOUND and abs(trend) == 1:
        ways = ("worse", "better") if has_sides else ("higher", "lower")
        return ways[effect < 0]
    return "no"


def _ratio(difference: float, noise: float) -> float:
    if difference == 0:
        return 0.0
    return difference / noise if noise > 0 else math.copysign(math.inf, difference)


def _trend(badness: npt.NDArray[np.float64], noise: float) -> float:
    steps = [later - earlier for earlier, later in itertools.combinations(badness, 2)]
    signs = [math.copysign(1, step) for step in steps if abs(step) > noise]
    return sum(signs) / len(signs) if signs else 0.0
