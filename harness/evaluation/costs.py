"""What training and sampling took: handed over by the cell that trained the model."""

from __future__ import annotations

import torch

from harness.evaluation.requirements import Candidate, Requirement, of_model, require
from harness.evaluation.specs import provided
from harness.training import memory


@of_model
def _no_peaks(_: Candidate) -> str | None:
    if memory.can_start_anew("cuda" if torch.cuda.is_available() else "cpu"):
        return None
    return "this system tells no peak of memory from those before it"


require(Requirement("memory", _no_peaks))
provided("training_seconds", "costs", timed=True)
provided("peak_memory_bytes", "costs", "memory", timed=True)
provided("parameter_count", "costs")
