"""A server that behaves like GitLab, strict and stateful, for what the bot uses of it."""

from tests.fakes.gitlab.server import GitLabServer

__all__ = ["GitLabServer"]
