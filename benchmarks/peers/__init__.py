"""How others train the same networks."""
