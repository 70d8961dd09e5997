"""GitLab, gitlab.com or self-managed, as a bot user: `bot.ports.forge.Forge` over its REST API."""
