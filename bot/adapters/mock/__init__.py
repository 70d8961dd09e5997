"""Builds in mock's roots on this machine: Fedora's and Enterprise Linux's own tool, with its own package manager."""

from bot.adapters.mock.builder import MockBuilder
from bot.adapters.mock.settings import MockSettings
from bot.adapters.mock.supervisor import supervise

__all__ = ["MockBuilder", "MockSettings", "supervise"]
