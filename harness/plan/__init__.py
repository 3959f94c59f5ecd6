"""A suite → cells with keys: what is done, what is left."""

from harness.plan.building import shape_of
from harness.plan.cells import Cell, PlannedMeasurement
from harness.plan.planning import Plan, check_suite, make_plan

__all__ = ["Cell", "Plan", "PlannedMeasurement", "check_suite", "make_plan", "shape_of"]
