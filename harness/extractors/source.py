"""What a registry holds for each feature network: how its weights are found and how it is
loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from harness.networks.weight_files import LocalWeights

T = TypeVar("T")


@dataclass(frozen=True)
class ExtractorSource(Generic[T]):
    """Both take the name as the suite writes it, and raise BadInput where weights are missing.

    `preflight` makes sure the weights are on this machine, fetching them if it can, loads no
    network and says where they are; None for a network that needs no weights. `load` gives the
    network on a device such as "cpu" or "cuda:0". `fits`, where the network has demands, raises
    BadInput for images of so many channels and pixels a side, and needs no weights for that.
    """

    preflight: Callable[[str], LocalWeights | None]
    load: Callable[[str, str], T]
    fits: Callable[[str, int, int], None] | None = None
