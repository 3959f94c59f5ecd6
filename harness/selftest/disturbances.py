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
from scipy.stats import t
from torch import Tensor

from harness.core.errors import BadInput
from harness.data.disturbances import add_pixel_noise, blur
from harness.metrics.base import Estimate, Metric

Disturbance = Literal["none", "noise", "blur", "dropped_modes", "duplicates", "copies"]

LADDERS: dict[Disturbance, tuple[float, ...]] = {
    "none": (0.0,),
    "noise": (0.05, 0.1, 0.2),
    "blur": (0.5, 1.0, 2.0),
    "dropped_modes": (0.1, 0.2, 0.4),
    "duplicates": (0.5, 0.75, 0.9),
    "copies": (0.25, 0.5, 1.0),
}
"""The levels of each disturbance, as `disturb` takes them, from weak to strong."""

ASKED: dict[str, tuple[Disturbance, ...]] = {
    # Distances of distributions: what changes single images or their kinds changes the
    # distribution. Repeats and copies are of the same distribution, and not asked.
    "fid": ("noise", "blur", "dropped_modes"),
    "fid_infinity": ("noise", "blur", "dropped_modes"),
    "kid": ("noise", "blur", "dropped_modes"),
    "kid_rbf": ("noise", "blur", "dropped_modes"),
    "cmmd": ("noise", "blur", "dropped_modes"),
    "ndb": ("noise", "blur", "dropped_modes"),
    # Each class counts alike however many its images are, and a class without any has no distance:
    # what is in the classes is asked, which there are is not.
    "class_fid": ("noise", "blur"),
    # How sure a classifier is of an image falls with noise and blur, how many classes it finds
    # with those left out.
    "is": ("noise", "blur", "dropped_modes"),
    # Of these two only single images count, whatever their kinds.
    "precision": ("noise", "blur"),
    "density": ("noise", "blur"),
    # How much of the data samples reach, or how varied they are: kinds left out, and repeats in
    # place of other images, which leave gaps.
    "recall": ("dropped_modes", "duplicates"),
    "coverage": ("dropped_modes", "duplicates"),
    "vendi": ("dropped_modes", "duplicates"),
    # Predicted classes alone.
    "mode_count": ("dropped_modes",),
    "mode_kl": ("dropped_modes",),
    # Noise adds to high frequencies, blur takes from them.
    "sharpness": ("noise", "blur"),
    # Whether samples are new, however good.
    "authpct": ("copies",),
    "fid_gap": ("copies",),
}
"""What each metric is for, and so must notice. No metric may notice "none"; whatever else a metric
notices is told, and not asked."""

SIDES: dict[tuple[str, Disturbance], Literal["higher", "lower"]] = {
    ("sharpness", "noise"): "higher",
    ("sharpness", "blur"): "lower",
    ("authpct", "copies"): "lower",
    ("fid_gap", "copies"): "higher",
}
"""Where the values of metrics without a better side must go to notice."""

WORDS: dict[Disturbance, str] = {
    "none": "real images",
    "noise": "noise",
    "blur": "blur",
    "dropped_modes": "missing classes",
    "duplicates": "repeated samples",
    "copies": "copies of training images",
}
"""What samples are under each disturbance, in words."""

DRAWS = 20
"""Random splits on which the samples are as good as the reference."""

LEVEL = 0.001
"""How often a metric may by chance seem to notice what is not there."""

BOUND = float(t.ppf(1 - LEVEL / 2, DRAWS - 1)) * math.sqrt(1 + 1 / DRAWS)
"""Standard deviations of undisturbed values within which a fresh one is, but for the share LEVEL:
its own noise and that of their mean together.
"""

VERSION = 1
"""Raised with every change of how metrics are tested or of what is asked of them."""


@dataclass(frozen=True)
class Parts:
    """Images uint8 N×C×H×W that metrics compare; samples and training images need no labels."""

    samples: Tensor
    reference: Tensor
    reference_labels: Tensor
    train: Tensor


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

    def disturbed(self, kind: Disturbance, level: float, seed: int) -> Parts:
        """The parts with disturbed samples."""
        samples = disturb(kind, level, self.supply, self.supply_labels, self.train, seed)
        return Parts(samples, self.reference, self.reference_labels, self.train)


def selftest_split(images: Tensor, labels: Tensor, seed: int) -> SelftestSplit:
    """A random split of uint8 images N×C×H×W with labels int64 N; n is a quarter of N."""
    if images.dtype != torch.uint8 or images.ndim != 4 or labels.shape != (len(images),):
        raise BadInput(
            f"a self-test needs uint8 images N×C×H×W with a label each, not {images.dtype} of "
            f"shape {tuple(images.shape)} with labels of shape {tuple(labels.shape)}"
        )
    if (n := len(images) // 4) < 50:
        raise BadInput(f"a self-test needs at least 200 images, not {len(images)}")
    order = torch.from_numpy(np.random.RandomState(seed).permutation(len(images)))
    reference, train, supply = order[:n], order[n : 2 * n], order[2 * n : 4 * n]
    return SelftestSplit(
        images[reference], labels[reference], images[train], images[supply], labels[supply]
    )


def disturb(  # noqa: PLR0913, PLR0917 - what there is to disturb, and how
    kind: Disturbance, level: float, supply: Tensor, labels: Tensor, train: Tensor, seed: int
) -> Tensor:
    """Half as many samples as `supply` has images, disturbed at `level`.

    The first half of `supply`, uint8 2n×C×H×W, is what samples would be undisturbed.
    - "none": as they are.
    - "noise": Gaussian noise is added, of standard deviation `level` of the range of 255.
    - "blur": a Gaussian blur of standard deviation `level` pixels.
    - "dropped_modes": images of the share `level` of the classes, one at least, are left out, and
      replaced by others of the supply; which classes, `seed` says, and those left out at one level
      are left out at a higher one.
    - "duplicates": the share `level` of the samples repeats the others in turn.
    - "copies": the share `level` is taken from `train`, of at least n images.
    """
    n = len(supply) // 2
    fresh = supply[:n]
    if kind == "none":
        return fresh
    if kind == "noise":
        return add_pixel_noise(fresh, level, seed)
    if kind == "blur":
        return blur(fresh, level)
    if kind == "dropped_modes":
        return _without_classes(level, supply, labels, seed)
    if kind == "duplicates":
        kept = max(1, round(n * (1 - level)))
        return fresh[torch.arange(n) % kept]
    copied = round(n * level)
    return torch.cat([train[:copied], fresh[copied:]])


def _without_classes(level: float, supply: Tensor, labels: Tensor, seed: int) -> Tensor:
    classes = np.random.RandomState(seed).permutation(np.unique(labels.numpy()))
    dropped = torch.from_numpy(classes[: max(1, round(level * len(classes)))])
    kept = supply[~torch.isin(labels, dropped)]
    if len(kept) < (n := len(supply) // 2):
        raise BadInput(
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
    - `asked`: whether the metric is meant to notice it;
    - `moved`: "worse" or "better" (by the metric's own direction; "higher" or "lower" where no side
      is better) where the value at the highest level is beyond the noise and no higher level takes
      it back by more than the noise, else "no". Noise is what a share LEVEL of undisturbed values
      would exceed;
    - `effect`: by how many standard deviations of undisturbed values, positive for worse, or for
      higher where no side is better; infinite where those do not vary at all;
    - `trend`: of the pairs of levels, none included, whose values differ by more than the noise,
      the share in the order of worse (or of higher) minus that in the other (Goodman and Kruskal's
      γ); 0 without such a pair;
    - `verdict`: "passes" or "fails" where asked, else "not asked". Of "none" it passes if the
      metric did not move, else if it moved to the worse, or to its side of SIDES;
    - `reason`: why the metric refuses disturbed samples of some level, mostly empty. Then `moved`
      and, where asked, `verdict` are "no value", and `effect` and `trend` NaN: a refusal is no
      number that misleads, but ranks nothing either;
    - `undisturbed`, `noise`: mean and standard deviation over DRAWS random splits;
    - `values`: at each level of LADDERS, NaN where refused.

    BadInput where a metric refuses undisturbed samples.
    """
    splits = [selftest_split(images, labels, seed + i) for i in range(DRAWS + 1)]
    undisturbed = [measure(one.disturbed("none", 0, seed)) for one in splits[:-1]]
    rows = []
    for kind, levels in LADDERS.items():
        # "none" is tried on a split of its own, the others on one whose noise is known.
        one = splits[-1] if kind == "none" else splits[0]
        results = [measure(one.disturbed(kind, level, seed)) for level in levels]
        for metric in metrics:
            chance = np.array([_value(metric, values) for values in undisturbed])
            rows.append(_row(metric, kind, chance, [values[metric.name] for values in results]))
    table = pd.DataFrame(rows)
    order = {metric.name: i for i, metric in enumerate(metrics)}
    return table.sort_values("metric", key=lambda m: m.map(order), kind="stable", ignore_index=True)


def _value(metric: Metric, values: Mapping[str, Estimate | BadInput]) -> float:
    if isinstance(value := values[metric.name], BadInput):
        raise BadInput(f"{metric.name} has no value even without a disturbance: {value}")
    return value.value


def failure_sentence(failed: Sequence[Disturbance]) -> str:
    """What a metric did that failed on these disturbances.

    >>> sentence(["none", "blur", "copies"])
    'moved without a disturbance and did not notice blur and copies of training images'
    """
    missed = " and ".join(WORDS[kind] for kind in failed if kind != "none")
    parts = ["moved without a disturbance"] if "none" in failed else []
    return " and ".join([*parts, f"did not notice {missed}"] if missed else parts)


def _row(
    metric: Metric,
    kind: Disturbance,
    chance: npt.NDArray[np.float64],
    results: Sequence[Estimate | BadInput],
) -> dict[str, object]:
    mean, noise = float(chance.mean()), float(chance.std(ddof=1))
    refusals = [str(one) for one in results if isinstance(one, BadInput)]
    ladder = np.array([math.nan if isinstance(one, BadInput) else one.value for one in results])
    sign = -1.0 if metric.better == "higher" else 1.0
    if refusals:
        effect, trend, moved = math.nan, math.nan, "no value"
    else:
        effect = _ratio(sign * (float(ladder[-1]) - mean), noise)
        trend = _trend(sign * np.array([mean, *ladder]), BOUND * noise)
        moved = _moved(effect, trend, metric.has_sides)
    is_asked = kind == "none" or kind in ASKED.get(metric.name, ())
    return {
        "metric": metric.name,
        "disturbance": kind,
        "asked": is_asked,
        "moved": moved,
        "effect": effect,
        "trend": trend,
        "verdict": _verdict(metric, kind, moved) if is_asked else "not asked",
        "reason": refusals[0] if refusals else "",
        "undisturbed": mean,
        "noise": noise,
        "values": tuple(float(value) for value in ladder),
    }


def _moved(effect: float, trend: float, has_sides: bool) -> str:
    if abs(effect) > BOUND and abs(trend) == 1:
        ways = ("worse", "better") if has_sides else ("higher", "lower")
        return ways[effect < 0]
    return "no"


def _verdict(metric: Metric, kind: Disturbance, moved: str) -> str:
    if moved == "no value":
        return moved
    noticed = {"worse", *(() if metric.has_sides else ("higher", "lower"))}
    if side := SIDES.get((metric.name, kind)):
        noticed = {side} if not metric.has_sides else noticed
    return "passes" if moved in ({"no"} if kind == "none" else noticed) else "fails"


def _ratio(difference: float, noise: float) -> float:
    if difference == 0:
        return 0.0
    return difference / noise if noise > 0 else math.copysign(math.inf, difference)


def _trend(badness: npt.NDArray[np.float64], noise: float) -> float:
    steps = [later - earlier for earlier, later in itertools.combinations(badness, 2)]
    signs = [math.copysign(1, step) for step in steps if abs(step) > noise]
    return sum(signs) / len(signs) if signs else 0.0
