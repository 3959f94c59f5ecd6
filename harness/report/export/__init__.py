"""What leaves the machine: a suite's results as one folder or zip for other people and programs."""
