"""The demo: a distribution in miniature out of real releases, and two pull requests that are checked end to end."""
