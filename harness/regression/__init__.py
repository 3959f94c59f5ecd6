"""The regression gate: baselines, changes since they were saved, and tolerances."""
