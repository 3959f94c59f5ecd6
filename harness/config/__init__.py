"""File formats: suites, recipes, claims and baselines, validated with line numbers."""
