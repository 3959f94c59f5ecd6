"""A suite → cells with keys: what is done, what is left."""

from harness.plan.cells import Cell, Wanted
from harness.plan.planning import Plan, check, make_plan, shape_of

__all__ = ["Cell", "Plan", "Wanted", "check", "make_plan", "shape_of"]
