"""The verbs of the `harness` command: they parse, print and exit."""
