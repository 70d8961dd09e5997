"""A server that behaves like GitHub at the wire, for what the bot uses of it."""

from tests.fakes.github.server import GitHubServer

__all__ = ["GitHubServer"]
