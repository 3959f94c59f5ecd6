"""The self-test of metrics: known disturbances, what each metric notices, recorded outcomes."""
