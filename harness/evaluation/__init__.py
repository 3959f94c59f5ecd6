"""Evidence: samples, reconstructions, features and scores, computed once and shared by all metrics."""
