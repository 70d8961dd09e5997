"""GitHub's events, one module per kind."""
