"""Losses as pure functions of tensors, in tables: a variant of a paper is one entry."""
