"""From webhook events to intents and nothing else: a package per forge, a module per kind of event."""
