"""GitLab's events, one module per kind. Their fields are those of its "Webhook events"."""
