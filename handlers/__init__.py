"""One module per kind of event: event to intent and nothing else."""
