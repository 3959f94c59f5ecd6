"""Datasets that are computed: pure functions of name and version, the same on every machine."""
