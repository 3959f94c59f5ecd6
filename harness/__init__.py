"""A benchmarking and evaluation harness for generative vision models."""

__version__ = "0.1.0"
