"""Statistics of the tidy table: verdicts on claims, leaderboards with ties, power before a run."""
