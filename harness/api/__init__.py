"""What `import harness` offers in Python: the verbs of the shell as functions."""
