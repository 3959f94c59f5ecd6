"""What a check against a baseline came to, for terminals, CI servers and pull requests."""
