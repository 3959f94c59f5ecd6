"""The numbers that figures of reports are drawn from, where metrics do not have them.

A kind is declared beside the function that computes it (`declaration.py`); a run keeps it as a
small JSON file. Every module of this package is imported.
"""

from importlib import import_module

from harness.evaluation.figure_data.declaration import (
    FIGURE_DATA,
    chosen_figure_data,
    figure_data_json,
)

__all__ = ["FIGURE_DATA", "chosen_figure_data", "figure_data_json"]

for _module in ("anomalies", "plane"):
    import_module(f"{__name__}.{_module}")
