"""Models that somebody has trained already, and that draw images without a training here."""
