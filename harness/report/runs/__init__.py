"""Runs side by side, for terminals and browsers."""
