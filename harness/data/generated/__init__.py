"""Datasets that are computed: pure functions of their name and version, the same on every machine."""
