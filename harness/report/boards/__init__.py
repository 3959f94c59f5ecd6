"""A leaderboard across suites, for terminals, browsers, papers and other programs."""
