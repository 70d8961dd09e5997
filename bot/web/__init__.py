"""What the bot serves: webhooks, health, metrics, pages."""
