"""Builds in a Copr: a project per run, a directory of it per build."""

from bot.adapters.copr.builder import CoprBuilder
from bot.adapters.copr.settings import CoprSettings

__all__ = ["CoprBuilder", "CoprSettings"]
