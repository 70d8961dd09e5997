"""RevDeps: who breaks if this pull request is merged."""
