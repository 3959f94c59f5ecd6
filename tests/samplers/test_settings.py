"""What a recipe's section `sampling` may say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from harness.samplers.settings import FlowSampling, Sampling


def test_sampling_is_deterministic_and_unguided_unless_a_recipe_says_otherwise() -> None:
    assert Sampling().model_dump() == {
        "guidance": 1.0, "kind": "ddim", "steps": 50, "eta": 0.0, "variance": "small", "clip": True,
    }  # fmt: skip
    assert FlowSampling().model_dump() == {
        "guidance": 1.0, "kind": "euler", "steps": 50, "tolerance": 1e-4,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"eta": -0.1}, "greater than or equal to 0"),
        ({"eta": 1.1}, "less than or equal to 1"),
        ({"guidance": -0.5}, "greater than or equal to 0"),
        ({"steps": 0}, "greater than 0"),
        ({"kind": "ancestral", "eta": 0.5}, "eta goes with kind: ddim, not ancestral"),
        ({"variance": "large"}, "variance goes with kind: ancestral, not ddim"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Sampling(**settings)


def test_a_tolerance_is_that_of_adaptive_steps() -> None:
    assert FlowSampling(kind="rk45", tolerance=1e-6).tolerance == 1e-6
    assert FlowSampling(kind="heun").kind == "heun"
    with pytest.raises(ValidationError, match="tolerance goes with kind: rk45, not euler"):
        FlowSampling(tolerance=1e-6)
    for tolerance in (0.0, -1e-4):
        with pytest.raises(ValidationError, match="greater than 0"):
            FlowSampling(kind="rk45", tolerance=tolerance)
