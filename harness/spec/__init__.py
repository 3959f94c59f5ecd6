"""The types of suites, recipes, claims and protocols: parsing and validation with line numbers."""
