"""One loop for all families; budgets, averages, checkpoints, devices."""
