"""A stand-in for CUDA graphs where there is no GPU."""

from collections.abc import Callable, Mapping

import pytest
from torch import Tensor

from harness.core.cuda_graphs import rehearsed, tensors


def by_hand(
    run: Callable[[], object], changed: Callable[[], Mapping[str, Tensor]] = dict
) -> tuple[Callable[[], None], object]:
    """As `cuda_graph`: a replay runs `run` again and overwrites the outputs."""

    def record(run: Callable[[], object]) -> tuple[Callable[[], None], object]:
        outputs = run()

        def replay() -> None:
            for old, new in zip(tensors(outputs), tensors(run()), strict=True):
                old.copy_(new)

        return replay, outputs

    return rehearsed(run, record, changed)


def replay_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on CUDA, with `by_hand` for a CUDA graph."""
    for module in ("training.loop", "training.state", "families.denoiser"):
        monkeypatch.setattr(
            f"harness.{module}.captures", lambda accelerate, device: accelerate == "graph"
        )
    for module in ("training.step", "families.denoiser"):
        monkeypatch.setattr(f"harness.{module}.cuda_graph", by_hand)
