"""Profiles: the metrics of well-known libraries, to the digit.

Each is a second definition of a metric's name, with other settings, so that its numbers have a
protocol of their own. The libraries themselves are not imported.
"""

from harness.core.errors import BadInput, suggest
from harness.evaluation.profiles import (
    adm,
    clean_fid,
    edm,
    piq,
    scikit_image,
    torch_fidelity,
    torchmetrics,
)
from harness.evaluation.profiles.base import Profile
from harness.metrics import load_metric
from harness.metrics.base import Metric

_ALL = (torch_fidelity, clean_fid, torchmetrics, scikit_image, piq, adm, edm)

PROFILES: dict[str, Profile] = {module.PROFILE.library: module.PROFILE for module in _ALL}
"""By the name of the library."""


def load_profile(name: str) -> Profile:
    """The profile of this name; BadInput for an unknown one."""
    if name not in PROFILES:
        raise BadInput(f"unknown profile {name!r}{suggest(name, PROFILES)}")
    return PROFILES[name]


def load_metric_as(profile: str, name: str) -> Metric:
    """The metric of this name; where a profile is named, as that has it. BadInput for an unknown
    one.
    """
    return load_profile(profile).metric(name) if profile else load_metric(name)


__all__ = ["PROFILES", "Profile", "load_metric_as", "load_profile"]
