"""What `gpu.py` measures, a module a question."""
