"""Leaderboards with ties, over a suite or a whole tracking store, and runs side by side."""
