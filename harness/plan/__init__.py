"""A suite → cells with keys: what is done, what is left."""

from harness.plan.building import shape_of
from harness.plan.cells import Cell, PlannedMeasurement
from harness.plan.planning import Plan, make_plan
from harness.plan.suite_checks import check_suite

__all__ = ["Cell", "Plan", "PlannedMeasurement", "check_suite", "make_plan", "shape_of"]
