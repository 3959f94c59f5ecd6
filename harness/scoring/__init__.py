"""Numbers for sets of images that are there, without a suite and without a model."""

from harness.evaluation.profiles import PROFILES, load_profile
from harness.scoring.scoring import Scoring, make_scoring, score
from harness.scoring.sets import Sets, load_sets, open_sets, with_captions, with_draws

__all__ = [
    "PROFILES",
    "Scoring",
    "Sets",
    "load_profile",
    "load_sets",
    "make_scoring",
    "open_sets",
    "score",
    "with_captions",
    "with_draws",
]
