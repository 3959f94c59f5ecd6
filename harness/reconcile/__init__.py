"""The protocols that explain a claimed number: other references, counts, pixels or estimators."""
