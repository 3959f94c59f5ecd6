"""Evidence on a trained model, computed once and shared by all metrics."""
