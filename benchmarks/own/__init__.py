"""Models that are not part of the harness."""
