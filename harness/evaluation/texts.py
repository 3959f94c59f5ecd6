"""Images and the texts that they should show."""

from __future__ import annotations

from harness.evaluation.kinds import given

given("text_similarity", "samples", "texts")
