"""Verdicts on claims: what each asks, its paired values, effects and tests, and its sentence."""
