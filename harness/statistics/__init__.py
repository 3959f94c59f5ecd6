"""Intervals, corrections, ranks and convergence: statistics of plain numbers and table rows."""
