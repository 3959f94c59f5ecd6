"""What families have in common that take no training steps."""

from __future__ import annotations

from typing import Any, Self

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from harness.families.base import Family, FamilySettings, Phase

STEPS = ("batch_size", "optimizer", "ema", "flip")
"""The settings of training steps. Precision and memory format are set for all models of a suite,
and have no effect on these."""


class UntrainedSettings(FamilySettings):
    """The settings of a family that takes no training steps: none that says how to train."""

    @model_validator(mode="after")
    def _no_steps(self) -> Self:
        for name in STEPS:
            default = type(self).model_fields[name].get_default(call_default_factory=True)
            if getattr(self, name) != default:
                raise ValueError(f"{name} is a setting of training steps, and none are taken here")
        return self

    @model_serializer(mode="wrap")
    def _without_steps(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves them out of records and keys, where they would say what is not so."""
        settings: dict[str, Any] = dump(self)
        return {name: value for name, value in settings.items() if name not in STEPS}


class Untrained(Family):
    """A family that takes no training steps."""

    takes_steps = False

    def phases(self) -> tuple[Phase, ...]:
        """One without players, which begins with nothing."""
        return (Phase(share=0),)
